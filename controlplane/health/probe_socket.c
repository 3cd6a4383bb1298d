/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A connection ends by a reset (SO_LINGER 0), so that ten thousand checks a second
 * leave no sockets in TIME_WAIT, neither here nor at the backend.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controlplane/health/probe_private.h"

union socket_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t
socket_address(const struct ip_addr *addr, uint16_t port, union socket_address *out)
{
	memset(out, 0, sizeof(*out));
	if (addr->family == IP_V4) {
		out->v4.sin_family = AF_INET;
		out->v4.sin_port = htons(port);
		memcpy(&out->v4.sin_addr, addr->bytes, 4);
		return sizeof(out->v4);
	}
	out->v6.sin6_family = AF_INET6;
	out->v6.sin6_port = htons(port);
	memcpy(&out->v6.sin6_addr, addr->bytes, 16);
	return sizeof(out->v6);
}

static void
prepare_stream(int fd)
{
	static const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

/** Every ICMP error is an error of the socket. */
static void
prepare_datagrams(int fd, const struct ip_addr *to)
{
	int one = 1;

	if (to->family == IP_V4)
		setsockopt(fd, IPPROTO_IP, IP_RECVERR, &one, sizeof(one));
	else
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &one, sizeof(one));
}

static int
open_socket(const struct check *check)
{
	bool is_stream = check->type != CHECK_UDP;
	union socket_address source;
	socklen_t len;
	int fd = socket(check->addr.family == IP_V4 ? AF_INET : AF_INET6,
			(is_stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0)
		return -1;
	if (is_stream)
		prepare_stream(fd);
	else
		prepare_datagrams(fd, &check->addr);
	if (check->source.family == IP_NONE)
		return fd;
	/* The port is chosen by connect(), which may share it with other destinations. */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	len = socket_address(&check->source, 0, &source);
	if (bind(fd, &source.any, len) != 0) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

void
probe_socket_connect(struct probe *probe)
{
	const struct check *check = probe->check;
	union socket_address to;
	socklen_t len = socket_address(&check->addr, check->l4_port, &to);
	int fd = open_socket(check);

	if (fd < 0) {
		probe_finish_error(probe, errno);
		return;
	}
	ev_io_set(&probe->io, fd, EV_WRITE);
	if (connect(fd, &to.any, len) != 0 && errno != EINPROGRESS) {
		probe_finish_error(probe, errno);
		return;
	}
	ev_io_start(probe->env->loop, &probe->io);
}

bool
probe_socket_connected(struct probe *probe)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (probe->connected)
		return true;
	if (getsockopt(probe->io.fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error != 0) {
		probe_finish_error(probe, error);
		return false;
	}
	probe->connected = true;
	return true;
}

void
probe_socket_wait(struct probe *probe, int events)
{
	int fd = probe->io.fd;

	ev_io_stop(probe->env->loop, &probe->io);
	ev_io_set(&probe->io, fd, events);
	ev_io_start(probe->env->loop, &probe->io);
}

bool
probe_socket_send_text(struct probe *probe)
{
	const struct check_text *text = &probe->check->exchange->texts[TEXT_SEND];

	while (probe->nb_sent < text->len) {
		ssize_t n = send(probe->io.fd, text->bytes + probe->nb_sent,
				(size_t)(text->len - probe->nb_sent), MSG_NOSIGNAL);

		if (n < 0) {
			if (errno != EAGAIN)
				probe_finish_error(probe, errno);
			return false;
		}
		probe->nb_sent = (uint16_t)(probe->nb_sent + n);
	}
	return true;
}

bool
probe_socket_receive(struct probe *probe, size_t *len)
{
	ssize_t n = recv(probe->io.fd, probe->answer + probe->answer_len,
			PROBE_ANSWER_MAX - probe->answer_len, 0);

	if (n < 0) {
		if (errno != EAGAIN)
			probe_finish_error(probe, errno);
		return false;
	}
	probe->answer_len += (uint32_t)n;
	*len = (size_t)n;
	return true;
}

void
probe_socket_close(struct probe *probe)
{
	ev_io_stop(probe->env->loop, &probe->io);
	if (probe->io.fd >= 0)
		close(probe->io.fd);
	ev_io_set(&probe->io, -1, EV_WRITE);
	probe->connected = false;
	probe->nb_sent = 0;
	free(probe->answer);
	probe->answer = NULL;
	probe->answer_len = 0;
}
