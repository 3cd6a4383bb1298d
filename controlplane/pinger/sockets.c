/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/pinger/sockets.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Behind those of the C library, which it makes way for. */
#include <linux/icmp.h>

/** Answers of ten thousand hosts may come at once. */
#define RECEIVE_BUFFER (4 << 20)

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int
set_filter(int fd, enum ip_family family)
{
	struct icmp_filter v4 = { .data = ~(1U << ICMP_ECHOREPLY | 1U << ICMP_DEST_UNREACH) };
	struct icmp6_filter v6;

	if (family == IP_V4)
		return setsockopt(fd, SOL_RAW, ICMP_FILTER, &v4, sizeof(v4));
	ICMP6_FILTER_SETBLOCKALL(&v6);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &v6);
	ICMP6_FILTER_SETPASS(ICMP6_DST_UNREACH, &v6);
	return setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &v6, sizeof(v6));
}

int
socket_open(enum ip_family family)
{
	int buffer = RECEIVE_BUFFER;
	int fd = family == IP_V4
			? socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP)
			: socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6);

	if (fd < 0)
		return -errno;
	if (set_filter(fd, family) != 0) {
		int error = errno;

		close(fd);
		return -error;
	}
	/* As much as the host allows: what does not fit is an answer that never came. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	return fd;
}

static socklen_t
address_of(const struct ip_addr *addr, union address *out)
{
	memset(out, 0, sizeof(*out));
	if (addr->family == IP_V4) {
		out->v4.sin_family = AF_INET;
		memcpy(&out->v4.sin_addr, addr->bytes, 4);
		return sizeof(out->v4);
	}
	out->v6.sin6_family = AF_INET6;
	memcpy(&out->v6.sin6_addr, addr->bytes, 16);
	return sizeof(out->v6);
}

/** Room for the source of a message (ip(7), ipv6(7)). */
union source_control {
	struct cmsghdr align;
	char v4[CMSG_SPACE(sizeof(struct in_pktinfo))];
	char v6[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

static void
set_source(struct msghdr *message, union source_control *control, const struct ip_addr *source)
{
	struct in_pktinfo v4 = { .ipi_ifindex = 0 };
	struct in6_pktinfo v6 = { .ipi6_ifindex = 0 };
	bool is_v4 = source->family == IP_V4;
	struct cmsghdr *c;

	memset(control, 0, sizeof(*control));
	message->msg_control = control;
	message->msg_controllen = is_v4 ? sizeof(control->v4) : sizeof(control->v6);
	c = CMSG_FIRSTHDR(message);
	c->cmsg_level = is_v4 ? IPPROTO_IP : IPPROTO_IPV6;
	c->cmsg_type = is_v4 ? IP_PKTINFO : IPV6_PKTINFO;
	c->cmsg_len = is_v4 ? CMSG_LEN(sizeof(v4)) : CMSG_LEN(sizeof(v6));
	memcpy(&v4.ipi_spec_dst, source->bytes, sizeof(v4.ipi_spec_dst));
	memcpy(&v6.ipi6_addr, source->bytes, sizeof(v6.ipi6_addr));
	if (is_v4)
		memcpy(CMSG_DATA(c), &v4, sizeof(v4));
	else
		memcpy(CMSG_DATA(c), &v6, sizeof(v6));
}

int
socket_send(int fd, const struct ip_addr *to, const struct ip_addr *source, const uint8_t *message,
		size_t len)
{
	union address address;
	union source_control control;
	struct iovec data = { .iov_len = len };
	struct msghdr header = { .msg_name = &address,
		.msg_namelen = address_of(to, &address),
		.msg_iov = &data,
		.msg_iovlen = 1 };

	memcpy(&data.iov_base, &message, sizeof(message)); /* Read only, whatever its type says. */
	if (source->family != IP_NONE)
		set_source(&header, &control, source);
	if (sendmsg(fd, &header, 0) >= 0)
		return 0;
	/* The kernel has no better word for a source that is not ours. */
	if (errno == EINVAL && source->family != IP_NONE)
		return -EADDRNOTAVAIL;
	return -errno;
}

ssize_t
socket_receive(int fd, enum ip_family family, uint8_t *buf, size_t size, struct ip_addr *from)
{
	union address address;
	socklen_t len = sizeof(address);
	ssize_t n = recvfrom(fd, buf, size, 0, &address.any, &len);

	if (n < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	*from = family == IP_V4 ? ip_addr_from_bytes(family, &address.v4.sin_addr)
				: ip_addr_from_bytes(family, &address.v6.sin6_addr);
	return n;
}
