/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "controlplane/health/http_answer.h"
#include "controlplane/health/probe_private.h"

static const struct {
	void (*start)(struct probe *probe);
	const char *(*stop)(struct probe *probe);
	void (*on_io)(struct probe *probe, int events); /* Of probe.io; NULL: it is not used. */
	enum probe_result (*silence)(const struct probe *probe); /* NULL: bad. */
} kinds[NB_CHECK_TYPES] = {
	[CHECK_TCP] = { probe_tcp_start, probe_tcp_stop, probe_tcp_on_io, NULL },
	[CHECK_HTTP] = { probe_http_start, probe_http_stop, probe_http_on_io, NULL },
	[CHECK_TLS] = { probe_tls_start, probe_tls_stop, probe_tls_on_io, NULL },
	[CHECK_HTTPS] = { probe_http_start, probe_http_stop, probe_http_on_io, NULL },
	[CHECK_AGENT] = { probe_agent_start, probe_agent_stop, probe_agent_on_io, NULL },
	[CHECK_UDP] = { probe_udp_start, probe_udp_stop, probe_udp_on_io, probe_udp_silence },
	[CHECK_ICMP] = { probe_icmp_start, probe_icmp_stop, NULL, probe_icmp_silence },
};

struct probe_env *
probe_env_create(struct ev_loop *loop, const char *pinger)
{
	struct probe_env *env = calloc(1, sizeof(*env));

	if (env == NULL)
		return NULL;
	env->loop = loop;
	env->pinger = ping_client_create(loop, pinger);
	if (env->pinger == NULL) {
		free(env);
		return NULL;
	}
	http_answer_setup();
	return env;
}

void
probe_env_destroy(struct probe_env *env)
{
	if (env == NULL)
		return;
	ping_client_destroy(env->pinger);
	free(env);
}

const char *
probe_result_name(enum probe_result result)
{
	switch (result) {
	case PROBE_GOOD:
		return "good";
	case PROBE_BAD:
		return "bad";
	case PROBE_REFUSED:
		return "refused";
	case PROBE_SILENT:
		return "silent";
	default:
		return "trouble";
	}
}

static void
on_io(struct ev_loop *loop, ev_io *w, int events)
{
	struct probe *probe = w->data;

	(void)loop;
	kinds[probe->check->type].on_io(probe, events);
}

void
probe_init(struct probe *probe, struct probe_env *env, probe_done done, void *context)
{
	*probe = (struct probe){ .env = env, .done = done, .context = context };
	ev_io_init(&probe->io, on_io, -1, EV_WRITE);
	/* An answer that is there counts before the time that is up. */
	ev_set_priority(&probe->io, 1);
	probe->io.data = probe;
}

void
probe_fini(struct probe *probe)
{
	probe_http_release(probe);
}

void
probe_start(struct probe *probe, const struct check *check)
{
	probe->check = check;
	kinds[check->type].start(probe);
}

const char *
probe_stop(struct probe *probe)
{
	return kinds[probe->check->type].stop(probe);
}

enum probe_result
probe_expire(struct probe *probe, const char **why)
{
	enum probe_result (*silence)(const struct probe *probe) = kinds[probe->check->type].silence;
	enum probe_result result = silence != NULL ? silence(probe) : PROBE_BAD;

	*why = probe_stop(probe);
	if (result == PROBE_GOOD)
		*why = "";
	return result;
}

void
probe_finish(struct probe *probe, enum probe_result result, const char *why)
{
	probe_stop(probe);
	probe->done(probe, result, why);
}

/** What an error of connect() or of a connection says, and about whom. */
void
probe_finish_error(struct probe *probe, int error)
{
	switch (error) {
	case ECONNREFUSED:
		probe_finish(probe, PROBE_REFUSED, "connection refused");
		return;
	case ECONNRESET:
	case EPIPE:
		probe_finish(probe, PROBE_REFUSED, "connection reset");
		return;
	case EHOSTUNREACH:
		probe_finish(probe, PROBE_REFUSED, "host unreachable");
		return;
	case ETIMEDOUT:
		probe_finish(probe, PROBE_BAD, "no answer");
		return;
	case EMFILE:
	case ENFILE:
		probe_finish(probe, PROBE_TROUBLE, "no file descriptor is left");
		return;
	case ENETUNREACH:
	case ENETDOWN:
		probe_finish(probe, PROBE_TROUBLE, "this host has no route");
		return;
	case EADDRNOTAVAIL:
		probe_finish(probe, PROBE_TROUBLE,
				"the source address, or a free port of it, is missing");
		return;
	case EACCES:
	case EPERM:
		probe_finish(probe, PROBE_TROUBLE, "this host's own rules forbid it");
		return;
	default:
		probe_finish(probe, PROBE_TROUBLE, "a system call failed");
		return;
	}
}
