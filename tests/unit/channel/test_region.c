/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "channel/region.h"

#define SIZE sizeof(struct region_p)

static int
reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags | O_CLOEXEC);
}

/* What the receiver of @p fd may not do, whoever opened it. */
static void
assert_unwritable(int fd)
{
	uint8_t byte = 0xff;
	void *map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_ptr_equal(map, MAP_FAILED);
	assert_int_equal(errno, EPERM);

	map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	assert_int_equal(mprotect(map, SIZE, PROT_READ | PROT_WRITE), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(madvise(map, SIZE, MADV_REMOVE), -1);
	munmap(map, SIZE);

	assert_int_equal(pwrite(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
	assert_int_equal(fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 4096), -1);
}

static void
assert_size_is_sealed(int fd)
{
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, (off_t)SIZE * 2), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(fallocate(fd, 0, (off_t)SIZE, 4096), -1);
	assert_int_equal(reopen(fd, O_RDWR | O_TRUNC), -1);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	assert_int_equal(errno, EPERM);
}

static void
owner_writes_are_refused_to_others(enum region_kind kind)
{
	struct region r, peer;
	int again;

	assert_int_equal(region_create(&r, kind, SIZE), 0);
	assert_true(fcntl(r.fd, F_GETFD) & FD_CLOEXEC);
	memset(r.base, 0x11, SIZE);
	assert_int_equal(region_open(&peer, kind, r.fd, SIZE), 0);
	assert_int_equal(mprotect(peer.base, SIZE, PROT_READ | PROT_WRITE), -1);

	assert_unwritable(r.fd);
	again = reopen(r.fd, O_RDWR);
	assert_true(again >= 0);
	assert_unwritable(again);
	assert_size_is_sealed(again);
	assert_size_is_sealed(r.fd);
	close(again);

	/* Nothing has changed, and the owner goes on. */
	for (size_t i = 0; i < SIZE; i++)
		assert_int_equal(((const uint8_t *)peer.base)[i], 0x11);
	memset(r.base, 0x22, SIZE);
	assert_memory_equal(r.base, peer.base, SIZE);
	region_close(&peer);
	region_close(&r);
}

static void
test_only_the_owner_writes_p(void **state)
{
	(void)state;
	owner_writes_are_refused_to_others(REGION_P);
}

static void
test_only_the_owner_writes_statistics(void **state)
{
	(void)state;
	owner_writes_are_refused_to_others(REGION_STATS);
}

static void
test_p_is_unwritable_for_another_process_without_privileges(void **state)
{
	struct region r;
	int status;
	pid_t child;

	(void)state;
	assert_int_equal(region_create(&r, REGION_P, SIZE), 0);
	memset(r.base, 0x33, SIZE);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		uint8_t byte = 0;

		munmap(r.base, r.size);
		if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
			_exit(1);
		if (mmap(NULL, SIZE, PROT_WRITE, MAP_SHARED, r.fd, 0) != MAP_FAILED)
			_exit(2);
		if (pwrite(r.fd, &byte, 1, 0) >= 0 || ftruncate(r.fd, 0) >= 0)
			_exit(3);
		if (mmap(NULL, SIZE, PROT_READ, MAP_SHARED, r.fd, 0) == MAP_FAILED)
			_exit(4);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(*(const uint8_t *)r.base, 0x33);
	region_close(&r);
}

static void
test_d_is_writable_for_the_receiver_but_keeps_its_size(void **state)
{
	struct region r, peer;

	(void)state;
	assert_int_equal(region_create(&r, REGION_D, SIZE), 0);
	assert_int_equal(region_open(&peer, REGION_D, r.fd, SIZE), 0);
	memset(peer.base, 0x44, SIZE);
	assert_memory_equal(r.base, peer.base, SIZE);
	assert_size_is_sealed(r.fd);
	/* A hole reads as zero: no SIGBUS. */
	assert_int_equal(
			fallocate(r.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)SIZE),
			0);
	for (size_t i = 0; i < SIZE; i++)
		assert_int_equal(((const uint8_t *)r.base)[i], 0);
	region_close(&peer);
	region_close(&r);
}

static void
test_the_owners_mapping_of_d_is_read_only(void **state)
{
	struct region r;
	int status;
	pid_t child;

	(void)state;
	assert_int_equal(region_create(&r, REGION_D, SIZE), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int null = open("/dev/zero", O_RDONLY);

		/* read() into it says EFAULT where a store would fault. */
		_exit(read(null, r.base, 1) < 0 && errno == EFAULT ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	region_close(&r);
}

static void
test_what_is_no_such_region_is_refused(void **state)
{
	struct region r, peer;
	int pipes[2], fd;

	(void)state;
	assert_int_equal(region_create(&r, REGION_D, SIZE), 0);
	assert_int_equal(region_open(&peer, REGION_D, r.fd, SIZE - REGION_PAGE), -EPROTO);
	assert_int_equal(region_open(&peer, REGION_D, r.fd, SIZE + REGION_PAGE), -EPROTO);
	assert_int_equal(region_open(&peer, REGION_D, r.fd, 0), -EPROTO);
	assert_int_equal(region_open(&peer, REGION_D, -1, SIZE), -EPROTO);
	/* D has not the seals of P. */
	assert_int_equal(region_open(&peer, REGION_P, r.fd, SIZE), -EPROTO);
	assert_int_equal(region_open(&peer, REGION_STATS, r.fd, SIZE), -EPROTO);
	assert_null(peer.base);
	region_close(&r);
	region_close(&r);

	fd = memfd_create("plain", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(fd, (off_t)SIZE), 0);
	assert_int_equal(region_open(&peer, REGION_D, fd, SIZE), -EPROTO);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	assert_int_equal(region_open(&peer, REGION_D, fd, SIZE), -EPROTO);
	close(fd);

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(region_open(&peer, REGION_D, pipes[0], SIZE), -EPROTO);
	close(pipes[0]);
	close(pipes[1]);
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_int_equal(region_open(&peer, REGION_D, fd, SIZE), -EPROTO);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_the_owner_writes_p),
		cmocka_unit_test(test_only_the_owner_writes_statistics),
		cmocka_unit_test(test_p_is_unwritable_for_another_process_without_privileges),
		cmocka_unit_test(test_d_is_writable_for_the_receiver_but_keeps_its_size),
		cmocka_unit_test(test_the_owners_mapping_of_d_is_read_only),
		cmocka_unit_test(test_what_is_no_such_region_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
