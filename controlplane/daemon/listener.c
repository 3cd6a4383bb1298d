/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64

/** Is anybody listening there? */
static bool
is_served(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool served;

	if (fd < 0)
		return false;
	served = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 || errno == EAGAIN;
	close(fd);
	return served;
}

int
listener_open_unix(const char *path, gid_t group, char *error, size_t error_size)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	mode_t mask;
	int fd, ret;

	if (len >= sizeof(addr.sun_path)) {
		snprintf(error, error_size, "%s: longer than %zu characters", path,
				sizeof(addr.sun_path) - 1);
		return -1;
	}
	memcpy(addr.sun_path, path, len + 1);
	if (is_served(&addr)) {
		snprintf(error, error_size, "%s: another process serves it", path);
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		goto err;
	unlink(path);
	mask = umask(0117); /* 0660 from the first moment. */
	ret = bind(fd, (const struct sockaddr *)&addr, sizeof(addr));
	umask(mask);
	if (ret != 0 || listen(fd, BACKLOG) != 0)
		goto err;
	if (group != (gid_t)-1 && chown(path, (uid_t)-1, group) != 0)
		goto err;
	return fd;

err:
	snprintf(error, error_size, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

int
listener_open_tcp(const struct sockaddr *addr, socklen_t len, const char *text, char *error,
		size_t error_size)
{
	int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1;

	if (fd < 0)
		goto err;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0)
		goto err;
	/* "::" is for IPv6 alone: "0.0.0.0" may stand beside it. */
	if (addr->sa_family == AF_INET6 &&
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) != 0)
		goto err;
	if (bind(fd, addr, len) != 0 || listen(fd, BACKLOG) != 0)
		goto err;
	return fd;

err:
	snprintf(error, error_size, "%s: %s", text, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}
