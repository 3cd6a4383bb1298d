/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_HASH_KEY_H
#define DAEMON_HASH_KEY_H

/**
 * @file
 * The group's key of the slot hash, in a file of its own (mode 0600): 32 hex digits
 * or 16 raw bytes. Made at first start. It is never logged, stored, exported or shown; a
 * fingerprint is.
 *
 * Thread safety: start-up only; afterwards a read-only value.
 */

#include <stddef.h>

#include "hash/siphash.h"

/** Eight hex digits and a NUL. */
#define HASH_KEY_FINGERPRINT_SIZE 9

struct hash_key {
	struct siphash_key key;
	char fingerprint[HASH_KEY_FINGERPRINT_SIZE]; /**< SipHash-1-3 of a fixed text under the key. */
};

/**
 * Read the key from @p path, or make one there.
 * @param error Filled on failure.
 * @return 0; -errno.
 */
int hash_key_load(const char *path, struct hash_key *out, char *error, size_t error_size);

#endif
