/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A callback takes the place of OpenSSL's verification, and calls that: so that the end of
 * the certificate is known also when it is refused, or is not verified at all.
 */
#include "controlplane/health/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "base/compiler.h"

#include "controlplane/health/check.h"

#define DAY_S 86400

/** @return 0: it does not say. */
static int64_t
certificate_end(const X509 *certificate)
{
	struct tm tm;

	if (certificate == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1)
		return 0;
	return timegm(&tm);
}

static int
on_certificate(X509_STORE_CTX *store, void *context)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_peer *peer = SSL_get_app_data(ssl);

	(void)context;
	peer->ends_s = certificate_end(X509_STORE_CTX_get0_cert(store));
	if (peer->believe)
		return 1;
	if (X509_verify_cert(store) > 0)
		return 1;
	peer->verify_error = X509_STORE_CTX_get_error(store);
	return 0;
}

void
tls_context_init(SSL_CTX *context, X509_STORE *store)
{
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	if (store != NULL)
		SSL_CTX_set1_cert_store(context, store);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(context, on_certificate, NULL);
}

bool
tls_name_set(X509_VERIFY_PARAM *param, const struct check *check)
{
	const struct check_text *name = &check->exchange->texts[TEXT_SERVER_NAME];

	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (name->len > 0)
		return X509_VERIFY_PARAM_set1_host(param, name->bytes, name->len) == 1;
	return X509_VERIFY_PARAM_set1_ip(
			       param, check->addr.bytes, ip_family_size(check->addr.family)) == 1;
}

/* In words. */

static const char *
why_refused(int error)
{
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return "the certificate has expired";
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return "the certificate is not valid yet";
	case X509_V_ERR_HOSTNAME_MISMATCH:
		return "the certificate is for another name";
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return "the certificate is not for this address";
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		return "the certificate is self-signed";
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return "the certificate's issuer is not trusted";
	case X509_V_ERR_INVALID_PURPOSE:
		return "the certificate is not one for servers";
	default:
		return "the certificate cannot be verified";
	}
}

static const char *
why_alert(int alert)
{
	switch (alert) {
	case SSL_AD_HANDSHAKE_FAILURE:
		return "TLS alert from the server: handshake failure";
	case SSL_AD_PROTOCOL_VERSION:
		return "TLS alert from the server: protocol version";
	case SSL_AD_UNRECOGNIZED_NAME:
		return "TLS alert from the server: unrecognized name";
	case SSL_AD_NO_APPLICATION_PROTOCOL:
		return "TLS alert from the server: no application protocol";
	case SSL_AD_CERTIFICATE_REQUIRED:
		return "TLS alert from the server: certificate required";
	case SSL_AD_INTERNAL_ERROR:
		return "TLS alert from the server: internal error";
	default:
		return "TLS alert from the server";
	}
}

const char *
tls_why(unsigned long error, const struct tls_peer *peer)
{
	int reason = ERR_GET_REASON(error);

	if (peer->verify_error != X509_V_OK)
		return why_refused(peer->verify_error);
	if (error == 0 || ERR_GET_LIB(error) != ERR_LIB_SSL)
		return "the TLS handshake failed";
	if (reason >= SSL_AD_REASON_OFFSET)
		return why_alert(reason - SSL_AD_REASON_OFFSET);
	switch (reason) {
	case SSL_R_UNEXPECTED_EOF_WHILE_READING:
		return "closed within the TLS handshake";
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
	case SSL_R_BAD_RECORD_TYPE:
	case SSL_R_UNEXPECTED_MESSAGE:
	case SSL_R_RECORD_LENGTH_MISMATCH:
		return "the answer is not TLS";
	case SSL_R_UNSUPPORTED_PROTOCOL:
		return "the server's TLS is older than 1.2";
	default:
		return "the TLS handshake failed";
	}
}

int
tls_days_left(int64_t ends_s, int64_t now_s)
{
	int64_t left = ends_s - now_s;

	/* Round down, so that what ended a second ago is not at 0 days. */
	return (int)(left >= 0 ? left / DAY_S : -((-left + DAY_S - 1) / DAY_S));
}
