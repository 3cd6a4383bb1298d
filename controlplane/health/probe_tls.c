/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#include "controlplane/clock.h"
#include "controlplane/health/probe_private.h"
#include "controlplane/health/trust.h"

bool
probe_tls_prepare(struct probe *probe)
{
	const struct trust *trust = probe->check->exchange->trust;

	probe->peer.believe = trust == trust_anybody();
	probe->peer.verify_error = X509_V_OK;
	if (trust_context(trust) != NULL)
		return true;
	probe_finish(probe, PROBE_TROUBLE, "the file of authorities (ca-file) cannot be read");
	return false;
}

const char *
probe_tls_why_short(const struct probe *probe)
{
	int left = tls_days_left(probe->peer.ends_s, clock_wall_ms() / 1000);

	if (probe->check->exchange->min_days == 0 || left >= probe->check->exchange->min_days)
		return NULL;
	return left < 0 ? "the certificate has expired"
			: "the certificate ends in fewer than min-days";
}

/** Only after the connection is there: a handshake under way costs memory. */
static bool
handshake_init(struct probe *probe)
{
	const struct exchange *exchange = probe->check->exchange;
	const struct check_text *name = &exchange->texts[TEXT_SERVER_NAME];
	const struct check_text http = { .bytes = "http/1.1", .len = 8 };
	const struct check_text *alpn =
			probe->check->type == CHECK_HTTPS ? &http : &exchange->texts[TEXT_ALPN];
	uint8_t protocols[EXCHANGE_TEXT_MAX + 1];
	char sni[EXCHANGE_TEXT_MAX + 1];

	probe->tls = SSL_new(trust_context(exchange->trust));
	if (probe->tls == NULL || SSL_set_fd(probe->tls, probe->io.fd) != 1 ||
			!tls_name_set(SSL_get0_param(probe->tls), probe->check))
		return false;
	SSL_set_app_data(probe->tls, &probe->peer);
	SSL_set_connect_state(probe->tls);
	if (name->len > 0) {
		memcpy(sni, name->bytes, name->len);
		sni[name->len] = '\0';
		if (SSL_set_tlsext_host_name(probe->tls, sni) != 1)
			return false;
	}
	if (alpn->len == 0)
		return true;
	protocols[0] = (uint8_t)alpn->len;
	memcpy(protocols + 1, alpn->bytes, alpn->len);
	return SSL_set_alpn_protos(probe->tls, protocols, alpn->len + 1U) == 0;
}

static void
finish_shaken(struct probe *probe)
{
	const uint8_t *chosen;
	const char *why;
	unsigned int len;

	SSL_get0_alpn_selected(probe->tls, &chosen, &len);
	if (probe->check->exchange->texts[TEXT_ALPN].len > 0 && len == 0) {
		probe_finish(probe, PROBE_BAD, "the server does not choose the protocol (alpn)");
		return;
	}
	why = probe_tls_why_short(probe);
	if (why != NULL) {
		probe_finish(probe, PROBE_BAD, why);
		return;
	}
	SSL_shutdown(probe->tls); /* Says goodbye; nobody waits for the answer. */
	probe_finish(probe, PROBE_GOOD, "");
}

static void
finish_broken(struct probe *probe, int kind, int error)
{
	if (kind != SSL_ERROR_SYSCALL)
		probe_finish(probe, PROBE_BAD, tls_why(ERR_peek_error(), &probe->peer));
	else if (error != 0)
		probe_finish_error(probe, error);
	else
		probe_finish(probe, PROBE_BAD, "closed within the TLS handshake");
	ERR_clear_error();
}

/** @return false: finished. */
static bool
handshake_begin(struct probe *probe)
{
	if (probe->env->nb_shaking >= PROBE_MAX_SHAKING) {
		probe_finish(probe, PROBE_TROUBLE, "too many TLS handshakes at one time");
		return false;
	}
	probe->env->nb_shaking++;
	probe->shaking = true;
	if (handshake_init(probe))
		return true;
	ERR_clear_error();
	probe_finish(probe, PROBE_TROUBLE, "out of memory");
	return false;
}

static void
handshake_end(struct probe *probe)
{
	if (probe->shaking)
		probe->env->nb_shaking--;
	probe->shaking = false;
}

bool
probe_tls_waits(struct probe *probe, int kind)
{
	if (kind != SSL_ERROR_WANT_READ && kind != SSL_ERROR_WANT_WRITE)
		return false;
	probe_socket_wait(probe, kind == SSL_ERROR_WANT_READ ? EV_READ : EV_WRITE);
	return true;
}

bool
probe_tls_shake(struct probe *probe)
{
	int ret, kind, error;

	if (probe->tls == NULL && !handshake_begin(probe))
		return false;
	ERR_clear_error();
	errno = 0;
	ret = SSL_do_handshake(probe->tls);
	error = errno;
	kind = SSL_get_error(probe->tls, ret);
	probe->shaken = ret == 1;
	if (ret == 1) {
		handshake_end(probe);
		return true;
	}
	if (!probe_tls_waits(probe, kind))
		finish_broken(probe, kind, error);
	return false;
}

void
probe_tls_on_io(struct probe *probe, int events)
{
	(void)events;
	if (probe_socket_connected(probe) && probe_tls_shake(probe))
		finish_shaken(probe);
}

void
probe_tls_close(struct probe *probe)
{
	SSL_free(probe->tls);
	probe->tls = NULL;
	probe->shaken = false;
	handshake_end(probe);
}

void
probe_tls_start(struct probe *probe)
{
	if (probe_tls_prepare(probe))
		probe_socket_connect(probe);
}

const char *
probe_tls_stop(struct probe *probe)
{
	const char *where = !probe->connected ? "no answer to the connection attempt"
					      : "connected, but the TLS handshake does not end";

	probe_tls_close(probe);
	probe_socket_close(probe);
	return where;
}
