/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Power loss, thousands of times at random operations of the disk, also while the tables are
 * made, while a checkpoint runs and while an earlier loss is recovered from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lossy_vfs.h"
#include "store_work.h"

#define CRASHES 3000
/** A database grows old for so many crashes; the next begins with none. */
#define CRASHES_OF_ONE 20
#define OPERATIONS_MAX 150
/** After so many changes the store is closed, so that power fails in a checkpoint, too. */
#define CHANGES_MAX 8

static char dir[] = "/tmp/guideway-power-XXXXXX";
static char path[64];

static void
forget_database(void)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	char name[80];

	for (unsigned int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
		unlink(name);
	}
}

/** Work until the power fails. @return the last change that was acknowledged. */
static uint64_t
work_until_crash(uint64_t n)
{
	char error[1024];
	struct store *store;
	long more;

	lossy_power_on((unsigned int)random() % OPERATIONS_MAX);
	store = store_open(path, error, sizeof(error));
	for (more = random() % CHANGES_MAX; store != NULL && more > 0; more--) {
		if (work_change(store, n + 1) != 0)
			break;
		n++;
	}
	if ((store == NULL || more > 0) && !lossy_power_failed())
		fail_msg("%s", store != NULL ? store_error(store) : error);
	store_close(store);
	assert_int_equal(lossy_crash(), 0);
	return n;
}

static void
test_power_loss_takes_no_acknowledged_change(void **state)
{
	uint64_t n = 0, records = 0, changes = 0;
	char error[1024];

	(void)state;
	for (unsigned int i = 0; i < CRASHES; i++) {
		struct trail_place verified = { 0 };
		struct store *store;
		uint64_t acknowledged;

		if (i % CRASHES_OF_ONE == 0) {
			forget_database();
			n = 0;
		}
		acknowledged = work_until_crash(n);
		lossy_power_on(UINT32_MAX);
		store = store_open(path, error, sizeof(error));
		if (store == NULL)
			fail_msg("crash %u: %s", i, error);
		changes += acknowledged - n;
		/* From the beginning: a record that was only observed may be lost, and replaced. */
		n = work_check(store, acknowledged, &verified);
		records += verified.seq;
		store_close(store);
	}
	print_message("%llu changes, %llu records verified\n", (unsigned long long)changes,
			(unsigned long long)records);
	assert_true(changes > CRASHES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_power_loss_takes_no_acknowledged_change),
	};
	unsigned int seed = (unsigned int)time(NULL);
	char command[96];
	int failed;

	print_message("seed %u\n", seed);
	srandom(seed);
	if (mkdtemp(dir) == NULL || lossy_register() != 0)
		return 1;
	snprintf(path, sizeof(path), "%s/state.db", dir);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return failed != 0 || system(command) != 0;
}
