/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A datagram that is received without room for control data gets none: the kernel
 * drops descriptors that came with it and installs nothing. So only the client's
 * handshake_receive(), which wants some, has any to close.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel/handshake.h"

/* As many descriptors as Linux lets into one datagram (SCM_MAX_FD). */
#define CONTROL_MAX_FDS 253
/* Doorbells that one call takes: a peer that rings for ever does not hold us. */
#define DRAIN_MAX 64

_Static_assert(sizeof(struct session_hello) == 32, "wire format");
_Static_assert(sizeof(struct session_welcome) == 48, "wire format");

uint16_t
handshake_version(uint16_t min_a, uint16_t max_a, uint16_t min_b, uint16_t max_b)
{
	uint16_t low = min_a > min_b ? min_a : min_b;
	uint16_t high = max_a < max_b ? max_a : max_b;

	if (min_a == 0 || min_b == 0 || min_a > max_a || min_b > max_b)
		return 0;
	return low <= high ? high : 0;
}

int
handshake_send(int socket, const struct session_welcome *welcome, const int *fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(HANDSHAKE_NB_FDS * sizeof(int))];
	} control = { 0 };
	struct session_welcome copy = *welcome;
	struct iovec iov = { .iov_base = &copy, .iov_len = sizeof(copy) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fds != NULL) {
		struct cmsghdr *cmsg;

		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(HANDSHAKE_NB_FDS * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, HANDSHAKE_NB_FDS * sizeof(int));
	}
	if (sendmsg(socket, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

/* Move descriptors out of control data: the first ones to @p fds, others are closed. */
static size_t
fds_collect(struct msghdr *msg, int *fds)
{
	size_t nb_fds = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		size_t nb = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < nb; i++, nb_fds++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (nb_fds < HANDSHAKE_NB_FDS)
				fds[nb_fds] = fd;
			else
				close(fd);
		}
	}
	return nb_fds;
}

/* A version comes with all regions; an error with none. */
static bool
welcome_is_whole(const struct session_welcome *w, ssize_t len, int flags, size_t nb_fds)
{
	if (len != (ssize_t)sizeof(*w) || (flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
		return false;
	if (w->magic != SESSION_MAGIC || w->reserved != 0)
		return false;
	return nb_fds == (w->version != 0 ? HANDSHAKE_NB_FDS : 0) &&
			(w->version != 0) == (w->error == 0);
}

int
handshake_receive(int socket, struct session_welcome *welcome, int *fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(CONTROL_MAX_FDS * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = welcome, .iov_len = sizeof(*welcome) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t len;
	size_t nb_fds;

	for (size_t i = 0; i < HANDSHAKE_NB_FDS; i++)
		fds[i] = -1;

	len = recvmsg(socket, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	/* Said once, ahead of what the other side sent before it closed. */
	if (len < 0 && errno == ECONNRESET)
		len = recvmsg(socket, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (len < 0)
		return -ECONNREFUSED;

	nb_fds = fds_collect(&msg, fds);
	if (len == 0 && nb_fds == 0)
		return -ECONNREFUSED;
	if (welcome_is_whole(welcome, len, msg.msg_flags, nb_fds))
		return 0;

	for (size_t i = 0; i < HANDSHAKE_NB_FDS; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
	return -EPROTO;
}

void
doorbell_ring(int socket)
{
	static const char bell = 1;
	ssize_t sent = send(socket, &bell, sizeof(bell), MSG_DONTWAIT | MSG_NOSIGNAL);

	(void)sent;
}

int
doorbell_drain(int socket)
{
	struct pollfd end = { .fd = socket, .events = POLLRDHUP };

	/* Before the queue: an end behind many doorbells counts at once. */
	if (poll(&end, 1, 0) > 0 && (end.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0)
		return -ENOTCONN;

	for (int i = 0; i < DRAIN_MAX; i++) {
		char bell;
		ssize_t len = recv(socket, &bell, sizeof(bell), MSG_DONTWAIT);

		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (len <= 0)
			return -ENOTCONN;
	}
	return 0;
}
