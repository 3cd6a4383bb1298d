/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_TRAIL_H
#define DAEMON_TRAIL_H

/**
 * @file
 * The chain of the audit trail: each record is a text that is never rewritten, and the hash
 * of a record is SHA-256 (FIPS 180-4) over the hash before it and that text. Who changes, takes
 * away or slips in a record must make every later hash anew; the last one is signed and leaves
 * the host (audit_head.h). doc/audit.md has the format in full.
 *
 * Thread safety: pure functions.
 */

#include <stddef.h>
#include <stdint.h>

#define TRAIL_HASH_SIZE 32
/** In hexadecimal, with a NUL. */
#define TRAIL_HASH_TEXT (2 * TRAIL_HASH_SIZE + 1)

/** A place in the chain: the last record so far. */
struct trail_place {
	uint64_t seq;		       /**< From 1; 0: there is none. */
	uint8_t hash[TRAIL_HASH_SIZE]; /**< Zeros: there is none. */
};

/** Go on by one record. */
void trail_extend(struct trail_place *place, const char *record, size_t len);

/** In hexadecimal. @return @p out, TRAIL_HASH_TEXT bytes. */
const char *trail_hash_format(const uint8_t *hash, char *out);
/** @return 0; -EINVAL: not 64 hexadecimal digits. */
int trail_hash_parse(const char *text, uint8_t *out);

#endif
