/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_FIELDS_H
#define DAEMON_FIELDS_H

/**
 * @file
 * Reading maps strictly, by tables of fields: an unknown key, a key twice, a
 * wrong type and a missing required key are complaints with their place.
 *
 * Thread safety: a reader belongs to one thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#include "controlplane/daemon/complaint.h"
#include "controlplane/daemon/node.h"

#define READER_PATH_SIZE 256
/** Fields of one map. */
#define FIELDS_MAX 32

/** Where a reader is in its document. */
struct reader {
	struct complaints *complaints;
	char path[READER_PATH_SIZE];
	size_t path_len;
	bool is_stored; /**< It was good once: files that it names may be gone. */
};

/** One key of a map. */
struct field {
	const char *key;
	bool required;
	/** Read @p node into @p out, the struct that the map fills. Complains by itself. */
	void (*read)(struct reader *r, const struct node *node, void *out);
};

/**
 * Read a map into @p out.
 * @return false: it is not a map, or keys are wrong; complained.
 */
bool fields_read(struct reader *r, const struct node *node, const struct field *fields,
		unsigned int nb_fields, void *out);

/** Complain about @p node at the reader's path. */
void reader_complain(struct reader *r, const struct node *node, const char *hint,
		const char *format, ...) PRINTF_LIKE(4, 5);

/** Go to list element @p index. @return what reader_leave() needs. */
size_t reader_enter_index(struct reader *r, uint32_t index);
/** Go to map key @p key. @return what reader_leave() needs. */
size_t reader_enter_key(struct reader *r, const char *key);
void reader_leave(struct reader *r, size_t saved);

/* Scalars. Each returns false after a complaint; *out is untouched then. */

/** @return NULL after a complaint. */
const char *read_text(struct reader *r, const struct node *node);
bool read_integer(struct reader *r, const struct node *node, uint32_t min, uint32_t max,
		uint32_t *out);
bool read_seconds(struct reader *r, const struct node *node, uint32_t min, uint32_t max,
		uint32_t *out);

bool read_milliseconds(struct reader *r, const struct node *node, uint32_t min, uint32_t max,
		uint32_t *out);
/** "0%" … "@p max%". */
bool read_percent(struct reader *r, const struct node *node, uint32_t max, uint32_t *out);
/** One of two words. @return 0, 1; negative: complained. */
int read_word(struct reader *r, const struct node *node, const char *zero, const char *one);
/** A unicast address. */
bool read_address(struct reader *r, const struct node *node, struct ip_addr *out);

#endif
