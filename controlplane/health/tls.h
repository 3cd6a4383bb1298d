/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef HEALTH_TLS_H
#define HEALTH_TLS_H

/**
 * @file
 * What all checks by TLS have in common: how certificates are verified, what is kept of them,
 * and how a failure reads.
 *
 * At least TLS 1.2, no tickets, no renegotiation; for the rest as the system's openssl.cnf
 * says.
 *
 * Thread safety: contexts may be shared by threads once made; a peer belongs to one.
 */

#include <stdbool.h>
#include <stdint.h>

struct check;
struct ssl_ctx_st;
struct x509_store_st;
struct X509_VERIFY_PARAM_st;

/** What a handshake has shown of the server. */
struct tls_peer {
	bool believe;	  /**< Do not verify; set before the handshake. */
	int verify_error; /**< X509_V_OK, or why the certificate is refused. */
	int64_t ends_s;	  /**< Unix time at which its certificate ends; 0: none was seen. */
};

/**
 * Make @p context verify as checks do.
 * @param store The authorities; a reference is taken. NULL: no one is verified.
 * Each connection has a struct tls_peer, by SSL_set_app_data(), as long as its handshake goes on.
 */
void tls_context_init(struct ssl_ctx_st *context, struct x509_store_st *store);

/** Which name, or else which address, the certificate must be for. @return false: no memory. */
bool tls_name_set(struct X509_VERIFY_PARAM_st *param, const struct check *check);

/**
 * Why a handshake failed.
 * @param error Of OpenSSL's queue; 0: none.
 * @return constant text.
 */
const char *tls_why(unsigned long error, const struct tls_peer *peer);

/** Whole days until @p ends_s; negative: it has ended. */
int tls_days_left(int64_t ends_s, int64_t now_s);

#endif
