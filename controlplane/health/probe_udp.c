/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One datagram out, one back. The socket is connected, so that only the backend can answer,
 * and a new one for each attempt, so that no late answer is taken for this one's. With
 * IP_RECVERR the kernel reports every ICMP error about it, not only the closed port.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "controlplane/health/probe_private.h"

static void
fail(struct probe *probe, int error)
{
	if (error == ECONNREFUSED)
		probe_finish(probe, PROBE_REFUSED, "port unreachable");
	else
		probe_finish_error(probe, error);
}

static void
send_text(struct probe *probe)
{
	const struct check_text *text = &probe->check->exchange->texts[TEXT_SEND];

	if (send(probe->io.fd, text->bytes, text->len, 0) < 0) {
		if (errno != EAGAIN)
			fail(probe, errno);
		return;
	}
	probe->nb_sent = text->len;
	probe_socket_wait(probe, EV_READ);
}

static void
receive(struct probe *probe)
{
	const struct check_text *expect = &probe->check->exchange->texts[TEXT_EXPECT];
	char answer[PROBE_ANSWER_MAX];
	ssize_t n = recv(probe->io.fd, answer, sizeof(answer), 0);

	if (n < 0) {
		if (errno != EAGAIN)
			fail(probe, errno);
		return;
	}
	if (expect->len == 0 || memmem(answer, (size_t)n, expect->bytes, expect->len) != NULL)
		probe_finish(probe, PROBE_GOOD, "");
	else
		probe_finish(probe, PROBE_BAD, "the answer does not hold the expected text");
}

void
probe_udp_on_io(struct probe *probe, int events)
{
	if ((events & EV_READ) != 0)
		receive(probe);
	else
		send_text(probe);
}

void
probe_udp_start(struct probe *probe)
{
	probe_socket_connect(probe);
}

const char *
probe_udp_stop(struct probe *probe)
{
	const char *where = probe->nb_sent > 0 ? "no answer" : "the datagram could not be sent";

	probe_socket_close(probe);
	return where;
}

enum probe_result
probe_udp_silence(const struct probe *probe)
{
	bool is_good = probe->nb_sent > 0 && probe->check->exchange->texts[TEXT_EXPECT].len == 0;

	return is_good ? PROBE_GOOD : PROBE_BAD;
}
