/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flock(2): the kernel gives the lock back however the process ends. The file is
 * removed on the way out while the lock is held; whoever opened it before that finds
 * that the path now means another file, and tries again.
 */
#include "dataplane/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int
folder_make(const char *socket_path)
{
	char path[120];
	const char *folder;

	snprintf(path, sizeof(path), "%s", socket_path);
	folder = dirname(path);
	if (mkdir(folder, 0755) < 0 && errno != EEXIST)
		return -errno;
	return access(folder, W_OK | X_OK) < 0 ? -errno : 0;
}

/* Does the path still mean the file that we hold? */
static bool
is_same_file(int fd, const char *path)
{
	struct stat held, named;

	return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
			held.st_dev == named.st_dev;
}

int
instance_lock(struct instance *instance, const struct dataplane_conf *conf)
{
	int ret = folder_make(conf->channel_socket);

	instance->fd = -1;
	if (ret < 0)
		return ret;
	snprintf(instance->lock_path, sizeof(instance->lock_path), "%s.lock", conf->channel_socket);
	for (;;) {
		int fd = open(instance->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			ret = errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
			close(fd);
			return ret;
		}
		if (is_same_file(fd, instance->lock_path)) {
			instance->fd = fd;
			return 0;
		}
		close(fd);
	}
}

void
instance_unlock(struct instance *instance)
{
	if (instance->fd < 0)
		return;
	unlink(instance->lock_path);
	close(instance->fd);
	instance->fd = -1;
}
