/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * An agent says what it has to say on each new connection and closes it. Some want a line
 * first (`send`). Whatever is understood makes a good attempt, also "down": what follows
 * from it is the checker's business.
 */
#include <stdlib.h>
#include <string.h>

#include "controlplane/health/probe_private.h"

static void
finish_line(struct probe *probe)
{
	if (agent_parse(probe->answer, probe->answer_len, &probe->agent))
		probe_finish(probe, PROBE_GOOD, "");
	else
		probe_finish(probe, PROBE_BAD, "not a word of the agent is understood");
}

static void
receive(struct probe *probe)
{
	const char *new = probe->answer + probe->answer_len;
	size_t n;

	if (!probe_socket_receive(probe, &n))
		return;
	if (n > 0 && memchr(new, '\n', n) == NULL && memchr(new, '\r', n) == NULL &&
			probe->answer_len < PROBE_ANSWER_MAX)
		return;
	if (probe->answer_len == 0)
		probe_finish(probe, PROBE_BAD, "closed without a word");
	else
		finish_line(probe);
}

void
probe_agent_on_io(struct probe *probe, int events)
{
	if (!probe_socket_connected(probe))
		return;
	if ((events & EV_READ) != 0)
		receive(probe);
	else if (probe_socket_send_text(probe))
		probe_socket_wait(probe, EV_READ);
}

void
probe_agent_start(struct probe *probe)
{
	probe->answer = malloc(PROBE_ANSWER_MAX);
	if (probe->answer == NULL)
		probe_finish(probe, PROBE_TROUBLE, "out of memory");
	else
		probe_socket_connect(probe);
}

const char *
probe_agent_stop(struct probe *probe)
{
	const char *where = probe->connected ? "connected, but the agent says nothing"
					     : "no answer to the connection attempt";

	probe_socket_close(probe);
	return where;
}
