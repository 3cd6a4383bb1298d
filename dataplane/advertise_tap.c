/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/advertise_tap.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>

#include "dataplane/environment.h"

/** Two addresses and their headers. */
#define REQUEST_SIZE 128
/** An acknowledgement quotes the request, and may explain a refusal. */
#define ANSWER_SIZE 4096

static int
make_interface(struct advertise_tap *tap, const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	struct kernel_interface interface;
	int ret;

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	tap->fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (tap->fd < 0)
		return -errno;
	if (ioctl(tap->fd, TUNSETIFF, &request) < 0)
		return -errno;
	ret = environment_interface_up(name);
	if (ret == 0)
		ret = environment_interface(name, &interface);
	tap->index = interface.index;
	return ret;
}

int
advertise_tap_open(struct advertise_tap *tap, const char *name)
{
	int ret;

	*tap = (struct advertise_tap){ .fd = -1 };
	tap->netlink = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (tap->netlink == NULL)
		return -errno;
	ret = mnl_socket_bind(tap->netlink, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno
								       : make_interface(tap, name);
	if (ret != 0)
		advertise_tap_close(tap);
	return ret;
}

void
advertise_tap_close(struct advertise_tap *tap)
{
	if (tap->fd >= 0)
		close(tap->fd);
	if (tap->netlink != NULL)
		mnl_socket_close(tap->netlink);
	*tap = (struct advertise_tap){ .fd = -1 };
}

/** Send a request and wait for the kernel's word, which comes within the system call. */
static int
ask(const struct advertise_tap *tap, struct nlmsghdr *request)
{
	unsigned int port = mnl_socket_get_portid(tap->netlink);
	char buf[ANSWER_SIZE];
	ssize_t len;

	if (mnl_socket_sendto(tap->netlink, request, request->nlmsg_len) < 0)
		return -errno;
	len = mnl_socket_recvfrom(tap->netlink, buf, sizeof(buf));
	if (len < 0 || mnl_cb_run(buf, (size_t)len, request->nlmsg_seq, port, NULL, NULL) < 0)
		return -errno;
	return 0;
}

static int
change(const struct advertise_tap *tap, const struct ip_addr *addr, uint16_t type, uint16_t flags)
{
	size_t len = addr->family == IP_V4 ? 4 : 16;
	char buf[REQUEST_SIZE];
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);
	struct ifaddrmsg *body;

	request->nlmsg_type = type;
	request->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	request->nlmsg_seq = (uint32_t)time(NULL);
	body = mnl_nlmsg_put_extra_header(request, sizeof(*body));
	body->ifa_family = addr->family == IP_V4 ? AF_INET : AF_INET6;
	body->ifa_prefixlen = (uint8_t)(8 * len);
	body->ifa_flags = addr->family == IP_V6 ? IFA_F_NODAD : 0;
	body->ifa_scope = RT_SCOPE_UNIVERSE;
	body->ifa_index = tap->index;
	mnl_attr_put(request, IFA_LOCAL, len, addr->bytes);
	mnl_attr_put(request, IFA_ADDRESS, len, addr->bytes);
	return ask(tap, request);
}

int
advertise_tap_add(const struct advertise_tap *tap, const struct ip_addr *addr)
{
	int ret = change(tap, addr, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);

	return ret == -EEXIST ? 0 : ret;
}

int
advertise_tap_remove(const struct advertise_tap *tap, const struct ip_addr *addr)
{
	int ret = change(tap, addr, RTM_DELADDR, 0);

	return ret == -EADDRNOTAVAIL ? 0 : ret;
}
