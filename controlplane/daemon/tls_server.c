/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/tls_server.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/daemon/file.h"

#define FILE_MAX (1U << 20)
#define CHAIN_MAX 8

/** What one load has read. */
struct material {
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned int nb_chain;
	gnutls_privkey_t key;
	gnutls_x509_trust_list_t trust;
	char *authorities;
	struct material *older;
};

struct tls_server {
	struct material *now; /* NULL: nothing is loaded. */
};

/** For the callback, which has no context. */
static struct tls_server *the_server;

static void
material_free(struct material *m)
{
	for (unsigned int i = 0; i < m->nb_chain; i++)
		gnutls_pcert_deinit(&m->chain[i]);
	if (m->key != NULL)
		gnutls_privkey_deinit(m->key);
	if (m->trust != NULL)
		gnutls_x509_trust_list_deinit(m->trust, 1);
	free(m->authorities);
	free(m);
}

struct tls_server *
tls_server_create(void)
{
	struct tls_server *s = calloc(1, sizeof(*s));

	the_server = s;
	return s;
}

void
tls_server_destroy(struct tls_server *s)
{
	if (s == NULL)
		return;
	while (s->now != NULL) {
		struct material *older = s->now->older;

		material_free(s->now);
		s->now = older;
	}
	the_server = NULL;
	free(s);
}

/* Loading. */

/** A file as GnuTLS wants it. @return false: *error says why. */
static bool
read_pem(const char *path, gnutls_datum_t *out, char *error, size_t error_size)
{
	size_t len;
	char *text = file_read(path, FILE_MAX, &len);

	if (text == NULL) {
		snprintf(error, error_size, "%s: %s", path, strerror(errno));
		return false;
	}
	out->data = (unsigned char *)text;
	out->size = (unsigned int)len;
	return true;
}

static bool
fail(const char *path, const char *what, int ret, char *error, size_t error_size)
{
	snprintf(error, error_size, "%s: %s: %s", path, what, gnutls_strerror(ret));
	return false;
}

static bool
load_chain(struct material *m, const char *path, char *error, size_t error_size)
{
	unsigned int nb = CHAIN_MAX;
	gnutls_datum_t pem;
	int ret;

	if (!read_pem(path, &pem, error, error_size))
		return false;
	ret = gnutls_pcert_list_import_x509_raw(m->chain, &nb, &pem, GNUTLS_X509_FMT_PEM,
			GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED);
	free(pem.data);
	if (ret < 0)
		return fail(path, "no certificate", ret, error, error_size);
	m->nb_chain = nb;
	return true;
}

static bool
load_key(struct material *m, const char *path, char *error, size_t error_size)
{
	gnutls_datum_t pem;
	int ret;

	if (!read_pem(path, &pem, error, error_size))
		return false;
	ret = gnutls_privkey_init(&m->key);
	if (ret == 0)
		ret = gnutls_privkey_import_x509_raw(m->key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
	explicit_bzero(pem.data, pem.size);
	free(pem.data);
	return ret == 0 || fail(path, "no private key", ret, error, error_size);
}

/** A key of another certificate would fail every handshake. */
static bool
check_pair(const struct material *m, const struct access *access, char *error, size_t error_size)
{
	unsigned char of_key[64], of_certificate[64];
	size_t key_size = sizeof(of_key), certificate_size = sizeof(of_certificate);
	gnutls_pubkey_t public;
	int ret = gnutls_pubkey_init(&public);

	if (ret == 0) {
		ret = gnutls_pubkey_import_privkey(public, m->key, 0, 0);
		if (ret == 0)
			ret = gnutls_pubkey_get_key_id(
					public, GNUTLS_KEYID_USE_SHA256, of_key, &key_size);
		gnutls_pubkey_deinit(public);
	}
	if (ret == 0)
		ret = gnutls_pubkey_get_key_id(m->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256,
				of_certificate, &certificate_size);
	if (ret != 0)
		return fail(access->key, "no private key", ret, error, error_size);
	if (key_size == certificate_size && memcmp(of_key, of_certificate, key_size) == 0)
		return true;
	snprintf(error, error_size, "%s: is not the key of %s", access->key, access->certificate);
	return false;
}

static bool
load_trust(struct material *m, const struct access *access, char *error, size_t error_size)
{
	gnutls_datum_t pem;
	int ret;

	if (!read_pem(access->client_ca, &pem, error, error_size))
		return false;
	m->authorities = (char *)pem.data;
	ret = gnutls_x509_trust_list_init(&m->trust, 0);
	if (ret == 0)
		ret = gnutls_x509_trust_list_add_trust_mem(
				m->trust, &pem, NULL, GNUTLS_X509_FMT_PEM, 0, 0);
	if (ret <= 0)
		return fail(access->client_ca, "no certificate of an authority", ret, error,
				error_size);
	if (access->client_crl == NULL)
		return true;
	if (!read_pem(access->client_crl, &pem, error, error_size))
		return false;
	ret = gnutls_x509_trust_list_add_trust_mem(m->trust, NULL, &pem, GNUTLS_X509_FMT_PEM,
			GNUTLS_TL_VERIFY_CRL, GNUTLS_VERIFY_DISABLE_TIME_CHECKS);
	free(pem.data);
	return ret > 0 ||
			fail(access->client_crl, "no revocation list of that authority", ret, error,
					error_size);
}

int
tls_server_load(struct tls_server *s, const struct access *access, char *error, size_t error_size)
{
	struct material *m = calloc(1, sizeof(*m));

	if (m == NULL) {
		snprintf(error, error_size, "out of memory");
		return -EINVAL;
	}
	if (!load_chain(m, access->certificate, error, error_size) ||
			!load_key(m, access->key, error, error_size) ||
			!check_pair(m, access, error, error_size) ||
			!load_trust(m, access, error, error_size)) {
		material_free(m);
		return -EINVAL;
	}
	m->older = s->now;
	s->now = m;
	return 0;
}

const char *
tls_server_authorities(const struct tls_server *s)
{
	return s->now->authorities;
}

/* Handshakes and clients. */

int
tls_server_retrieve(gnutls_session_t session, const gnutls_datum_t *requested, int nb_requested,
		const gnutls_pk_algorithm_t *algorithms, int nb_algorithms, gnutls_pcert_st **chain,
		unsigned int *nb_chain, gnutls_privkey_t *key)
{
	(void)session;
	(void)requested;
	(void)nb_requested;
	(void)algorithms;
	(void)nb_algorithms;
	if (the_server == NULL || the_server->now == NULL)
		return -1;
	*chain = the_server->now->chain;
	*nb_chain = the_server->now->nb_chain;
	*key = the_server->now->key;
	return 0;
}

/** @return how many; 0: none, or not as they must be. */
static unsigned int
import_chain(gnutls_session_t session, gnutls_x509_crt_t *chain)
{
	unsigned int nb = 0, imported = 0;
	const gnutls_datum_t *raw = gnutls_certificate_get_peers(session, &nb);

	if (raw == NULL || nb == 0 || nb > CHAIN_MAX)
		return 0;
	for (; imported < nb; imported++) {
		if (gnutls_x509_crt_init(&chain[imported]) != 0)
			break;
		if (gnutls_x509_crt_import(chain[imported], &raw[imported], GNUTLS_X509_FMT_DER) !=
				0) {
			gnutls_x509_crt_deinit(chain[imported]);
			break;
		}
	}
	if (imported == nb)
		return nb;
	while (imported > 0)
		gnutls_x509_crt_deinit(chain[--imported]);
	return 0;
}

/** Texts with a NUL inside, or too long for a rule, name nobody. */
static bool
name_client(gnutls_x509_crt_t certificate, struct tls_client *out)
{
	size_t subject_size = sizeof(out->subject), name_size = sizeof(out->common_name);
	gnutls_datum_t dn;
	int ret = gnutls_x509_crt_get_dn3(certificate, &dn, 0);

	if (ret != 0)
		return false;
	if (dn.size >= subject_size || strlen((char *)dn.data) != dn.size) {
		gnutls_free(dn.data);
		return false;
	}
	memcpy(out->subject, dn.data, dn.size + 1);
	gnutls_free(dn.data);
	ret = gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0,
			out->common_name, &name_size);
	if (ret != 0 || strlen(out->common_name) != name_size)
		out->common_name[0] = '\0';
	return true;
}

static bool
verify(const struct tls_server *s, gnutls_x509_crt_t *chain, unsigned int nb, char *why,
		size_t why_size)
{
	gnutls_typed_vdata_st purpose = { .type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT };
	gnutls_datum_t text;
	unsigned int status = 0;
	int ret = gnutls_x509_trust_list_verify_crt2(
			s->now->trust, chain, nb, &purpose, 1, 0, &status, NULL);

	if (ret == 0 && status == 0)
		return true;
	if (ret != 0) {
		snprintf(why, why_size, "the client's certificate: %s", gnutls_strerror(ret));
	} else if (gnutls_certificate_verification_status_print(
				   status, GNUTLS_CRT_X509, &text, 0) == 0) {
		snprintf(why, why_size, "the client's certificate: %s", (char *)text.data);
		gnutls_free(text.data);
	} else {
		snprintf(why, why_size, "the client's certificate does not hold");
	}
	return false;
}

bool
tls_server_identify(const struct tls_server *s, gnutls_session_t session, struct tls_client *out,
		char *why, size_t why_size)
{
	gnutls_x509_crt_t chain[CHAIN_MAX];
	unsigned int nb = import_chain(session, chain);
	bool good;

	if (nb == 0) {
		snprintf(why, why_size, "the client has shown no certificate");
		return false;
	}
	good = verify(s, chain, nb, why, why_size);
	if (good && !name_client(chain[0], out)) {
		snprintf(why, why_size, "the subject of the client's certificate is too long");
		good = false;
	}
	for (unsigned int i = 0; i < nb; i++)
		gnutls_x509_crt_deinit(chain[i]);
	return good;
}
