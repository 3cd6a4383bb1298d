/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/hash_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_BYTES 16
#define HEX_DIGITS (2 * KEY_BYTES)
/** Room to notice that a file is too long. */
#define FILE_MAX (HEX_DIGITS + 8)

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/** @return false: neither of the two forms. */
static bool
key_decode(const char *text, size_t len, uint8_t *key)
{
	if (len == KEY_BYTES) {
		memcpy(key, text, KEY_BYTES);
		return true;
	}
	while (len > HEX_DIGITS && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	if (len != HEX_DIGITS)
		return false;
	for (size_t i = 0; i < KEY_BYTES; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		key[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static int
key_read(int fd, const char *path, uint8_t *key, char *error, size_t error_size)
{
	char text[FILE_MAX];
	struct stat st;
	ssize_t len;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		snprintf(error, error_size, "%s: not a regular file", path);
		return -EINVAL;
	}
	if ((st.st_mode & 077) != 0) {
		snprintf(error, error_size, "%s: others may read the key: chmod 600 %s", path,
				path);
		return -EACCES;
	}
	len = read(fd, text, sizeof(text));
	if (len < 0) {
		snprintf(error, error_size, "%s: %s", path, strerror(errno));
		return -EIO;
	}
	if (!key_decode(text, (size_t)len, key)) {
		snprintf(error, error_size, "%s: must be 32 hex digits or 16 bytes", path);
		return -EINVAL;
	}
	explicit_bzero(text, sizeof(text));
	return 0;
}

/** Write a new key aside and link it into place: a crash leaves a whole key or none. */
static int
key_make(const char *path, uint8_t *key, char *error, size_t error_size)
{
	char temporary[4096], text[HEX_DIGITS + 2];
	int fd, ret = 0;

	if (getrandom(key, KEY_BYTES, 0) != KEY_BYTES ||
			snprintf(temporary, sizeof(temporary), "%s.new", path) >=
					(int)sizeof(temporary)) {
		snprintf(error, error_size, "%s: no random bytes", path);
		return -EIO;
	}
	for (size_t i = 0; i < KEY_BYTES; i++)
		snprintf(text + 2 * i, sizeof(text) - 2 * i, "%02x", key[i]);
	text[HEX_DIGITS] = '\n';

	unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, HEX_DIGITS + 1) != HEX_DIGITS + 1 || fsync(fd) != 0 ||
			rename(temporary, path) != 0) {
		ret = -errno;
		snprintf(error, error_size, "%s: %s", temporary, strerror(errno));
	}
	explicit_bzero(text, sizeof(text));
	if (fd >= 0)
		close(fd);
	return ret;
}

int
hash_key_load(const char *path, struct hash_key *out, char *error, size_t error_size)
{
	static const char label[] = "guideway hash key fingerprint";
	uint8_t key[KEY_BYTES];
	int fd, ret;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0) {
		ret = key_read(fd, path, key, error, error_size);
		close(fd);
	} else if (errno == ENOENT) {
		ret = key_make(path, key, error, error_size);
	} else {
		ret = -errno;
		snprintf(error, error_size, "%s: %s", path, strerror(errno));
	}
	if (ret != 0)
		return ret;
	memcpy(&out->key, key, sizeof(out->key));
	explicit_bzero(key, sizeof(key));
	snprintf(out->fingerprint, sizeof(out->fingerprint), "%08x",
			(unsigned int)(siphash13(&out->key, label, sizeof(label) - 1) >> 32));
	return 0;
}
