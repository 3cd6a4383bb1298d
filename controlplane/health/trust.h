/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef HEALTH_TRUST_H
#define HEALTH_TRUST_H

/**
 * @file
 * Whom a check by TLS trusts: the authorities of a file, those of the system, or anybody.
 *
 * All checks that trust the same share one: a file is read again only if it has changed, and
 * two readings of the same certificates are one and the same. So twenty thousand services
 * cost one store of authorities and one OpenSSL context.
 *
 * Thread safety: trust_load() belongs to the main thread; it reads a file, at most
 * TRUST_FILE_MAX bytes, and never waits for one that is no regular file. References may be
 * given back on any thread; the rest is immutable.
 */

#include <openssl/ssl.h>

/** Largest file of authorities, in bytes. */
#define TRUST_FILE_MAX (4U << 20)

struct trust;

/** Anybody: certificates are looked at, but not verified. It lives for ever. */
struct trust *trust_anybody(void);

/**
 * The authorities in a PEM file.
 * @param path  NULL: the system's: the file that SSL_CERT_FILE names, else Debian's.
 * @param error 0, or for trust_error_text().
 * @return one reference; NULL: see @p error.
 */
struct trust *trust_load(const char *path, int *error);

/** In place of a file that cannot be read: nothing can be said of what is checked with it. */
struct trust *trust_missing(const char *path); /**< @return one reference; NULL: no memory. */

struct trust *trust_ref(struct trust *t); /**< Legal with NULL. */
void trust_unref(struct trust *t);	  /**< Legal with NULL. */

/** Total order by path and certificates; 0: they trust the same. Legal with NULL. */
int trust_compare(const struct trust *a, const struct trust *b);

/** @return NULL: the system's, or anybody. */
const char *trust_path(const struct trust *t);
/** For handshakes of checks; see tls.h. @return NULL: it is missing. */
SSL_CTX *trust_context(const struct trust *t);

/** Constant text, or strerror()'s. */
const char *trust_error_text(int error);

#endif
