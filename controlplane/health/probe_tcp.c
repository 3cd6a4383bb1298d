/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "controlplane/health/probe_private.h"

static void
send_rest(struct probe *probe)
{
	if (!probe_socket_send_text(probe))
		return;
	if (probe->check->exchange->texts[TEXT_EXPECT].len == 0)
		probe_finish(probe, PROBE_GOOD, "");
	else
		probe_socket_wait(probe, EV_READ);
}

static void
receive(struct probe *probe)
{
	const struct check_text *expect = &probe->check->exchange->texts[TEXT_EXPECT];
	size_t n;

	if (!probe_socket_receive(probe, &n))
		return;
	if (memmem(probe->answer, probe->answer_len, expect->bytes, expect->len) != NULL)
		probe_finish(probe, PROBE_GOOD, "");
	else if (n == 0)
		probe_finish(probe, PROBE_BAD, "closed without the expected text");
	else if (probe->answer_len == PROBE_ANSWER_MAX)
		probe_finish(probe, PROBE_BAD, "the answer does not hold the expected text");
}

void
probe_tcp_on_io(struct probe *probe, int events)
{
	if (!probe_socket_connected(probe))
		return;
	if ((events & EV_WRITE) != 0)
		send_rest(probe);
	else
		receive(probe);
}

void
probe_tcp_start(struct probe *probe)
{
	if (probe->check->exchange->texts[TEXT_EXPECT].len > 0) {
		probe->answer = malloc(PROBE_ANSWER_MAX);
		if (probe->answer == NULL) {
			probe_finish(probe, PROBE_TROUBLE, "out of memory");
			return;
		}
	}
	probe_socket_connect(probe);
}

const char *
probe_tcp_stop(struct probe *probe)
{
	const char *where = !probe->connected ? "no answer to the connection attempt"
			: probe->nb_sent < probe->check->exchange->texts[TEXT_SEND].len
			? "connected, but takes no data"
			: "connected, but the expected text does not come";

	probe_socket_close(probe);
	return where;
}
