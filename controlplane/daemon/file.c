/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/daemon/complaint.h"
#include "controlplane/daemon/node.h"

/** @return errno; 0: a regular file of at most @p max bytes. */
static int
check(int fd, size_t max)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	return (size_t)st.st_size > max ? EFBIG : 0;
}

/** @return bytes; -1 and errno. */
static ssize_t
read_all(int fd, char *text, size_t room)
{
	size_t at = 0;

	while (at < room) {
		ssize_t n = read(fd, text + at, room - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		at += (size_t)n;
	}
	return (ssize_t)at;
}

char *
file_read(const char *path, size_t max, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *text = NULL;
	ssize_t n = -1;
	int error;

	if (fd < 0)
		return NULL;
	error = check(fd, max);
	if (error == 0) {
		text = malloc(max + 2);
		n = text != NULL ? read_all(fd, text, max + 1) : -1;
		error = text == NULL ? ENOMEM : errno;
	}
	close(fd);
	if (n < 0) {
		free(text);
		errno = error;
		return NULL;
	}
	text[n] = '\0';
	*len = (size_t)n;
	return text;
}

char *
file_read_document(const char *path, struct complaints *c, size_t *len, int *error)
{
	char *text = file_read(path, DOCUMENT_MAX_SIZE, len);

	*error = text != NULL ? 0 : errno;
	if (text == NULL) {
		c->syntax = true;
		complain(c, &(struct place){ .path = NULL }, NULL, "%s", strerror(*error));
	}
	return text;
}
