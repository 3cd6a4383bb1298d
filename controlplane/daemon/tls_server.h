/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_TLS_SERVER_H
#define DAEMON_TLS_SERVER_H

/**
 * @file
 * Our certificate and whose clients' certificates we take, for the API over TLS
 * (libmicrohttpd, hence GnuTLS). libmicrohttpd asks clients for a certificate, but neither
 * demands nor verifies one: tls_server_identify() does, and without it nobody has a role.
 *
 * Files can be read anew while connections are open: handshakes from then on use the new
 * certificate, requests from then on are verified against the new authorities. What was used
 * before is kept until tls_server_destroy(), since a handshake under way may point to it.
 *
 * Thread safety: the main thread only. There is one at a time: GnuTLS's callback has no
 * context.
 */

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

#include "controlplane/daemon/access.h"

struct tls_server;

/** A client's certificate, verified. */
struct tls_client {
	char subject[ACCESS_SUBJECT_SIZE];     /**< RFC 4514: "CN=alice,O=Bank". */
	char common_name[ACCESS_SUBJECT_SIZE]; /**< "" if it has none. */
};

struct tls_server *tls_server_create(void);    /**< @return NULL: out of memory. */
void tls_server_destroy(struct tls_server *s); /**< Legal with NULL. */

/**
 * Read the files that @p access names.
 * @param error Filled on failure: which file, and what is wrong with it.
 * @return 0; -EINVAL: what was loaded before stays.
 */
MUST_CHECK int tls_server_load(
		struct tls_server *s, const struct access *access, char *error, size_t error_size);

/** PEM of the authorities, which libmicrohttpd tells clients; valid until the next load. */
const char *tls_server_authorities(const struct tls_server *s);

/** libmicrohttpd's MHD_OPTION_HTTPS_CERT_CALLBACK: a gnutls_certificate_retrieve_function2. */
int tls_server_retrieve(gnutls_session_t session, const gnutls_datum_t *requested, int nb_requested,
		const gnutls_pk_algorithm_t *algorithms, int nb_algorithms, gnutls_pcert_st **chain,
		unsigned int *nb_chain, gnutls_privkey_t *key);

/**
 * Verify the certificate at the other end: signed by an authority, for clients, valid now, not
 * revoked.
 * @param why Filled on failure.
 * @return false: it has none, or none that holds.
 */
MUST_CHECK bool tls_server_identify(const struct tls_server *s, gnutls_session_t session,
		struct tls_client *out, char *why, size_t why_size);

#endif
