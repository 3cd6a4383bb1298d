/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The socket is made under a name of its own, given its mode and made to listen;
 * then renamed to its path, never onto an existing file. So the path never leads to
 * a socket that refuses because it does not listen yet, which another dataplane that
 * starts would take for a stale one. A stale file is first moved aside and then
 * asked once more before it is removed: if another dataplane has just replaced it,
 * its file goes back.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "channel/listener.h"

#define LISTENER_MODE (S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP)
/* Waiting connections; whoever floods it can only keep out others that may connect. */
#define LISTENER_BACKLOG 64

static int
addr_set(struct sockaddr_un *addr, const char *path, const char *suffix)
{
	int len;

	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	if (suffix[0] == '\0')
		len = snprintf(addr->sun_path, sizeof(addr->sun_path), "%s", path);
	else
		len = snprintf(addr->sun_path, sizeof(addr->sun_path), "%s.%s.%d", path, suffix,
				(int)getpid());
	return len > 0 && (size_t)len < sizeof(addr->sun_path) ? 0 : -ENAMETOOLONG;
}

/*
 * Does anybody serve the socket at @p addr? 0: it is stale; -ENOENT: there is nothing;
 * -EADDRINUSE: yes; -ENOTSOCK; or another -errno.
 */
static int
path_probe(const struct sockaddr_un *addr)
{
	struct stat st;
	int fd, ret;

	if (lstat(addr->sun_path, &st) < 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;

	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	ret = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ? errno : 0;
	close(fd);
	if (ret == ECONNREFUSED)
		return 0;
	if (ret == ENOENT)
		return -ENOENT;
	return -EADDRINUSE; /* Answers, or its queue is full, or another kind of server. */
}

/* Remove the file at @p addr if nobody serves it. 0: the path is free. */
static int
path_clear(const struct sockaddr_un *addr)
{
	struct sockaddr_un aside;
	int ret = path_probe(addr);

	if (ret != 0)
		return ret == -ENOENT ? 0 : ret;

	ret = addr_set(&aside, addr->sun_path, "old");
	if (ret != 0)
		return ret;
	if (rename(addr->sun_path, aside.sun_path) < 0)
		return errno == ENOENT ? 0 : -errno;
	ret = path_probe(&aside);
	if (ret == -EADDRINUSE &&
			renameat2(AT_FDCWD, aside.sun_path, AT_FDCWD, addr->sun_path,
					RENAME_NOREPLACE) == 0)
		return ret;
	unlink(aside.sun_path);
	return ret == -ENOENT ? 0 : ret;
}

/* Bind to a name of our own and listen there. */
static int
listener_bind(struct listener *l, const struct sockaddr_un *addr, uid_t owner)
{
	struct stat st;
	int ret;

	unlink(addr->sun_path); /* Of a process that died here and had our number. */
	if (bind(l->fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
		return -errno;
	/* Neither follows a link that somebody may have put there meanwhile. */
	if (fchmodat(AT_FDCWD, addr->sun_path, LISTENER_MODE, AT_SYMLINK_NOFOLLOW) < 0)
		goto err_unlink;
	if (owner != (uid_t)-1 && lchown(addr->sun_path, owner, (gid_t)-1) < 0 && errno != EPERM)
		goto err_unlink;
	if (lstat(addr->sun_path, &st) < 0 || listen(l->fd, LISTENER_BACKLOG) < 0)
		goto err_unlink;
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	return 0;

err_unlink:
	ret = -errno;
	unlink(addr->sun_path);
	return ret;
}

int
listener_open(struct listener *l, const char *path, uid_t owner)
{
	struct sockaddr_un fresh;
	int ret;

	*l = (struct listener){ .fd = -1 };
	if (path[0] == '\0')
		return -ENOENT;
	if (strlen(path) > LISTENER_PATH_MAX)
		return -ENAMETOOLONG;
	ret = addr_set(&l->addr, path, "");
	if (ret == 0)
		ret = addr_set(&fresh, path, "new");
	if (ret == 0)
		ret = path_clear(&l->addr);
	if (ret != 0)
		return ret;

	l->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return -errno;
	ret = listener_bind(l, &fresh, owner);
	if (ret != 0)
		goto err_close;
	if (renameat2(AT_FDCWD, fresh.sun_path, AT_FDCWD, l->addr.sun_path, RENAME_NOREPLACE) < 0) {
		ret = errno == EEXIST ? -EADDRINUSE : -errno;
		goto err_unlink;
	}
	return 0;

err_unlink:
	unlink(fresh.sun_path);
err_close:
	close(l->fd);
	l->fd = -1;
	return ret;
}

void
listener_close(struct listener *l)
{
	struct stat st;

	if (l->fd < 0)
		return;
	if (lstat(l->addr.sun_path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->addr.sun_path);
	close(l->fd);
	l->fd = -1;
}
