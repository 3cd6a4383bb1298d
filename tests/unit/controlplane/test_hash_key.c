/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "controlplane/daemon/hash_key.h"

static char path[] = "/tmp/guideway-hash-key-XXXXXX";
static char error[512];

static void
write_file(const void *bytes, size_t len, mode_t mode)
{
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
test_a_missing_key_is_made_once(void **state)
{
	struct hash_key first, second;
	struct stat st;

	(void)state;
	unlink(path);
	assert_int_equal(hash_key_load(path, &first, error, sizeof(error)), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(hash_key_load(path, &second, error, sizeof(error)), 0);
	assert_memory_equal(&first.key, &second.key, sizeof(first.key));
	assert_string_equal(first.fingerprint, second.fingerprint);
	assert_int_equal(strspn(first.fingerprint, "0123456789abcdef"), 8);
}

static void
test_both_forms_give_the_same_key(void **state)
{
	struct hash_key hex, raw;

	(void)state;
	write_file("000102030405060708090A0b0c0d0e0f\n", 33, 0600);
	assert_int_equal(hash_key_load(path, &hex, error, sizeof(error)), 0);
	write_file("\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17", 16, 0600);
	assert_int_equal(hash_key_load(path, &raw, error, sizeof(error)), 0);
	assert_memory_equal(&hex.key, &raw.key, sizeof(hex.key));
	assert_int_equal(hex.key.k0, UINT64_C(0x0706050403020100));
}

static void
test_a_wrong_file_is_refused(void **state)
{
	struct hash_key key;

	(void)state;
	write_file("000102030405060708090a0b0c0d0e0f", 32, 0640);
	assert_int_equal(hash_key_load(path, &key, error, sizeof(error)), -EACCES);
	write_file("", 0, 0600);
	assert_int_equal(hash_key_load(path, &key, error, sizeof(error)), -EINVAL);
	write_file("000102030405060708090a0b0c0d0e0g", 32, 0600);
	assert_int_equal(hash_key_load(path, &key, error, sizeof(error)), -EINVAL);
	write_file("000102030405060708090a0b0c0d0e0f00", 34, 0600);
	assert_int_equal(hash_key_load(path, &key, error, sizeof(error)), -EINVAL);
	assert_null(strstr(error, "0001")); /* Nothing of the key in messages. */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_missing_key_is_made_once),
		cmocka_unit_test(test_both_forms_give_the_same_key),
		cmocka_unit_test(test_a_wrong_file_is_refused),
	};
	int ret, fd = mkstemp(path);

	if (fd < 0)
		return 1;
	close(fd);
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return ret;
}
