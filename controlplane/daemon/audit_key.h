/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_AUDIT_KEY_H
#define DAEMON_AUDIT_KEY_H

/**
 * @file
 * The key that signs the audit trail's head: Ed25519 (RFC 8032), by OpenSSL. It is made at the first
 * start, in a file of mode 0600; its public half is given to whoever asks.
 *
 * What is signed is the text
 *
 *     guideway audit head\nSEQ\nHASH\nAT\n
 *
 * with the number, the hash in hexadecimal and the time of signing (doc/audit.md).
 *
 * Thread safety: signing on the main thread only.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

#include "controlplane/daemon/trail.h"

struct audit_key;

/** Base64 of a signature of 64 bytes, with its NUL. */
#define AUDIT_SIGNATURE_TEXT 92
/** PEM of a public key, with its NUL. */
#define AUDIT_PUBLIC_TEXT 256

/**
 * Read the key, or make one.
 * @param error Filled on failure: the file, what is wrong, what to do.
 * @return NULL: see @p error.
 */
struct audit_key *audit_key_load(const char *path, char *error, size_t error_size);
void audit_key_free(struct audit_key *key); /**< Legal with NULL. */

/** @param at Time of signing, as text. @return 0; -ENOMEM. */
MUST_CHECK int audit_key_sign(const struct audit_key *key, const struct trail_place *head,
		const char *at, char *signature);

/** Was it signed by this key? */
int audit_key_verify(const struct audit_key *key, const struct trail_place *head, const char *at,
		const char *signature);

/** PEM (SubjectPublicKeyInfo). Valid as long as the key. */
const char *audit_key_public(const struct audit_key *key);

#endif
