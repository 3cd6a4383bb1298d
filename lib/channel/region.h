/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CHANNEL_REGION_H
#define CHANNEL_REGION_H

/**
 * @file
 * The memory that the two planes share: memfds with exactly one writer each.
 *
 * The dataplane creates all of them and seals their sizes, so that nobody can pull
 * the memory from under it (SIGBUS).
 *  - D: written by the daemon. The dataplane maps it read-only.
 *  - P: written by the dataplane. F_SEAL_FUTURE_WRITE, set after its own mapping,
 *    refuses every other way of writing: a later writable map, mprotect(), reopening
 *    through /proc, write(), punching holes.
 *  - the statistics region: as P, but kept for the dataplane's life and populated at
 *    once, so that workers never fault on it.
 *
 * D and P are fresh for each session and are allocated page by page, when touched:
 * a daemon that hoards old sessions' regions holds little of the dataplane's memory.
 *
 * Thread safety: one thread owns a struct region.
 */

#include <stddef.h>

#include "base/compiler.h"
#include "channel/ring.h"
#include "channel/session.h"

#define REGION_PAGE 4096

/** D: the daemon writes. All indexes and slots start as zero. */
struct region_d {
	struct ring_index command_head;
	struct ring_index answer_tail;
	struct ring_index event_tail;
	alignas(REGION_PAGE) struct message commands[SESSION_COMMAND_SLOTS];
};
_Static_assert(sizeof(struct region_d) == REGION_PAGE + 4096 * MESSAGE_SIZE, "shared layout");
_Static_assert(offsetof(struct region_d, answer_tail) == 64, "shared layout");
_Static_assert(offsetof(struct region_d, event_tail) == 128, "shared layout");
_Static_assert(offsetof(struct region_d, commands) == REGION_PAGE, "shared layout");

/** P: the dataplane writes. */
struct region_p {
	struct ring_index command_tail;
	struct ring_index answer_head;
	struct ring_index event_head;
	alignas(REGION_PAGE) struct message answers[SESSION_ANSWER_SLOTS];
	struct message events[SESSION_EVENT_SLOTS];
};
_Static_assert(sizeof(struct region_p) == REGION_PAGE + (256 + 4096) * MESSAGE_SIZE,
		"shared layout");
_Static_assert(offsetof(struct region_p, answer_head) == 64, "shared layout");
_Static_assert(offsetof(struct region_p, event_head) == 128, "shared layout");
_Static_assert(offsetof(struct region_p, answers) == REGION_PAGE, "shared layout");
_Static_assert(offsetof(struct region_p, events) == REGION_PAGE + 256 * MESSAGE_SIZE,
		"shared layout");

enum region_kind {
	REGION_D,
	REGION_P,
	REGION_STATS,
};

/** A region, mapped. */
struct region {
	void *base; /**< NULL: none. */
	size_t size;
	int fd; /**< -1: none (any more). */
};

/**
 * Create, map and seal a region (the dataplane). Zeroed; D is mapped read-only.
 * @param size A multiple of REGION_PAGE.
 * @return 0, or -errno: @p r holds nothing.
 */
MUST_CHECK int region_create(struct region *r, enum region_kind kind, size_t size);

/**
 * Check and map a region that the dataplane handed over (the daemon). D is mapped
 * writable, the others read-only. @p fd stays the caller's; r->fd is -1.
 * @return 0; -EPROTO: not a memfd of this size with the seals of its kind; or another -errno.
 *         On error @p r holds nothing.
 */
MUST_CHECK int region_open(struct region *r, enum region_kind kind, int fd, size_t size);

/** Close the descriptor; the mapping stays. */
void region_close_fd(struct region *r);

/** Unmap and close. Legal with one that holds nothing, and twice. */
void region_close(struct region *r);

/** A region that holds nothing. */
#define REGION_NONE ((struct region){ .fd = -1 })

#endif
