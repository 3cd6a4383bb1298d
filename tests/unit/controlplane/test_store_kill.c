/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * kill -9, a thousand times at random points: a process changes the store as fast as it can, and
 * says in shared memory what it was promised.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "store_work.h"

#define KILLS 1000
/** Opening takes a part of it; the rest is several changes long. */
#define LIFE_MAX_US 20000

static char dir[] = "/tmp/guideway-kill-XXXXXX";
static char path[64];

static _Noreturn void
change_for_ever(uint64_t n, _Atomic uint64_t *acknowledged)
{
	char error[1024];
	struct store *store = store_open(path, error, sizeof(error));

	while (store != NULL && work_change(store, ++n) == 0)
		atomic_store(acknowledged, n);
	_exit(1); /* Nobody but the test may end it. */
}

static void
kill_one(uint64_t n, _Atomic uint64_t *acknowledged)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		change_for_ever(n, acknowledged);
	usleep((useconds_t)(random() % LIFE_MAX_US));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void
test_a_thousand_kills_lose_no_acknowledged_change(void **state)
{
	_Atomic uint64_t *acknowledged = mmap(NULL, sizeof(*acknowledged), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct trail_place verified = { 0 };
	uint64_t n = 0, cut_short = 0;
	char error[1024];

	(void)state;
	assert_true(acknowledged != MAP_FAILED);
	for (unsigned int i = 0; i < KILLS; i++) {
		const uint64_t before = n;
		struct store *store;

		kill_one(n, acknowledged);
		store = store_open(path, error, sizeof(error));
		if (store == NULL)
			fail_msg("%s", error);
		n = work_check(store, *acknowledged, &verified);
		cut_short += n > before && n > *acknowledged;
		store_close(store);
	}
	print_message("%llu changes, %llu on the disk without having been acknowledged\n",
			(unsigned long long)n, (unsigned long long)cut_short);
	/* The kills must have met a store at work. */
	assert_true(n >= KILLS / 4);
	assert_true(cut_short > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_thousand_kills_lose_no_acknowledged_change),
	};
	unsigned int seed = (unsigned int)time(NULL);
	char command[96];
	int failed;

	print_message("seed %u\n", seed);
	srandom(seed);
	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/state.db", dir);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return failed != 0 || system(command) != 0;
}
