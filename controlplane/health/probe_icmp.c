/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Echo requests are sent by guideway-pinger, which has the right to. Where it is missing, or
 * stopped, an attempt says nothing about the backend: it must have said that the request is
 * out before silence speaks against anybody.
 */
#include <errno.h>

#include "controlplane/health/probe_private.h"

static void
on_told(struct ping_wait *wait, enum ping_kind kind, int error)
{
	struct probe *probe = (void *)((char *)wait - offsetof(struct probe, ping));

	switch (kind) {
	case PING_SENT:
		probe->connected = true;
		return;
	case PING_ANSWERED:
		probe_finish(probe, PROBE_GOOD, "");
		return;
	case PING_UNREACHABLE:
		probe_finish(probe, PROBE_REFUSED, "host unreachable");
		return;
	case PING_FAILED:
		if (error == ECONNRESET)
			probe_finish(probe, PROBE_TROUBLE, "guideway-pinger has gone");
		else if (error == EAGAIN)
			probe_finish(probe, PROBE_TROUBLE, "guideway-pinger has too much to do");
		else
			probe_finish_error(probe, error);
		return;
	}
	probe_finish(probe, PROBE_TROUBLE, "guideway-pinger is of another version");
}

void
probe_icmp_start(struct probe *probe)
{
	const struct check *check = probe->check;
	int ret;

	probe->ping.told = on_told;
	ret = ping_client_ask(probe->env->pinger, &probe->ping, &check->addr, &check->source);
	if (ret == -ENOTCONN)
		probe_finish(probe, PROBE_TROUBLE, "no guideway-pinger answers");
	else if (ret != 0)
		probe_finish(probe, PROBE_TROUBLE, "out of memory");
}

const char *
probe_icmp_stop(struct probe *probe)
{
	const char *where = probe->connected ? "no answer" : "guideway-pinger does not answer";

	ping_client_forget(probe->env->pinger, &probe->ping);
	probe->connected = false;
	return where;
}

enum probe_result
probe_icmp_silence(const struct probe *probe)
{
	return probe->connected ? PROBE_BAD : PROBE_TROUBLE;
}
