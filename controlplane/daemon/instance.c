/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static void
write_pid(int fd)
{
	char pid[16];
	int len = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());

	/* For people only: if it fails nothing depends on it. */
	if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)len, 0) < 0)
		return;
}

int
instance_lock(const char *dir, char *error, size_t error_size)
{
	char path[4096], pid[16] = "?";
	int fd, ret;

	if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
		ret = -errno;
		snprintf(error, error_size, "%s: %s", dir, strerror(errno));
		return ret;
	}
	if (snprintf(path, sizeof(path), "%s/lock", dir) >= (int)sizeof(path)) {
		snprintf(error, error_size, "%s: too long", dir);
		return -ENAMETOOLONG;
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		ret = -errno;
		snprintf(error, error_size, "%s: %s", path, strerror(errno));
		return ret;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		write_pid(fd);
		return fd;
	}
	ret = errno == EWOULDBLOCK ? -EEXIST : -errno;
	if (pread(fd, pid, sizeof(pid) - 1, 0) > 0)
		pid[strcspn(pid, "\n")] = '\0';
	if (ret == -EEXIST)
		snprintf(error, error_size, "another guidewayd (pid %s) uses %s", pid, dir);
	else
		snprintf(error, error_size, "%s: %s", path, strerror(-ret));
	close(fd);
	return ret;
}

int
instance_make_parent(const char *path)
{
	char dir[4096];
	char *slash;

	if (snprintf(dir, sizeof(dir), "%s", path) >= (int)sizeof(dir))
		return -ENAMETOOLONG;
	slash = strrchr(dir, '/');
	if (slash == NULL || slash == dir)
		return 0;
	*slash = '\0';
	if (mkdir(dir, 0755) != 0 && errno != EEXIST)
		return -errno;
	return 0;
}
