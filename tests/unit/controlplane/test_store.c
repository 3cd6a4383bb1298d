/* SPDX-License-Identifier: BSD-3-Clause */
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

#include "controlplane/daemon/store.h"

#include "store_work.h"

static char dir[] = "/tmp/guideway-store-XXXXXX";
static char path[64];
static char error[1024];

static struct config *
config_of(unsigned int port)
{
	struct config *config = work_config(port);

	assert_non_null(config);
	return config;
}

static struct override
an_override(void)
{
	struct override o = { .has_admin = true,
		.admin = ADMIN_DRAINING,
		.has_weight = true,
		.weight = 65535,
		.since_ms = 1234567890123,
		.by = "uid 7 (o'hara)" };

	o.service.vip = ip_addr_from_bytes(IP_V4, (uint8_t[]){ 192, 0, 2, 1 });
	o.service.protocol = PROTOCOL_TCP;
	o.service.l4_port = 80;
	o.backend = ip_addr_from_bytes(IP_V4, (uint8_t[]){ 10, 0, 0, 1 });
	return o;
}

static struct store *
reopen(struct store *store)
{
	store_close(store);
	store = store_open(path, error, sizeof(error));
	if (store == NULL)
		print_error("%s\n", error);
	assert_non_null(store);
	return store;
}

static struct store *
fresh(void)
{
	char side[80];

	unlink(path);
	snprintf(side, sizeof(side), "%s-wal", path);
	unlink(side);
	snprintf(side, sizeof(side), "%s-shm", path);
	unlink(side);
	return reopen(NULL);
}

static int64_t
write_both(struct store *store, struct config *config, struct overrides *overrides,
		uint64_t *revision)
{
	struct actor actor = { .uid = 7, .pid = 8, .user = "o'hara" };
	struct store_change change = { .actor = &actor,
		.action = "config.apply",
		.target = "test",
		.config = config,
		.overrides = overrides };
	int64_t id;

	assert_int_equal(store_write(store, &change, &id, revision), 0);
	return id;
}

static void
state_free(struct store_state *state)
{
	config_unref(state->config);
	overrides_unref(state->overrides);
}

static void
test_a_new_store_is_empty_and_private(void **state)
{
	struct store *store = fresh();
	struct store_state now;
	struct stat st;

	(void)state;
	assert_int_equal(store_load(store, &now), 0);
	assert_int_equal(now.revision, 0);
	assert_int_equal(now.config->nb_services, 0);
	assert_int_equal(now.overrides->nb, 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	state_free(&now);
	store_close(store);
}

static void
test_what_is_stored_is_loaded_again(void **state)
{
	struct store *store = fresh();
	struct config *config = config_of(80);
	struct overrides *overrides = overrides_create(1);
	struct override o = an_override();
	struct store_state now;
	uint64_t revision;
	int64_t id;

	(void)state;
	overrides_append(overrides, &o);
	id = write_both(store, config, overrides, &revision);
	assert_int_equal(revision, 1);
	assert_int_equal(store_finish(store, id, "in_force", "generation 1"), 0);
	store = reopen(store);
	assert_int_equal(store_load(store, &now), 0);
	assert_int_equal(now.revision, 1);
	assert_true(now.applied_ms > 0);
	assert_true(config_equal(now.config, config));
	assert_int_equal(now.overrides->nb, 1);
	assert_true(overrides_equal(now.overrides, overrides));
	assert_int_equal(now.overrides->list[0].since_ms, o.since_ms);
	assert_string_equal(now.overrides->list[0].by, o.by);
	state_free(&now);
	config_unref(config);
	overrides_unref(overrides);
	store_close(store);
}

static void
test_overrides_alone_make_no_revision(void **state)
{
	struct store *store = fresh();
	struct config *config = config_of(80);
	struct overrides *none = overrides_create(0);
	uint64_t revision;

	(void)state;
	write_both(store, config, NULL, &revision);
	write_both(store, NULL, none, &revision);
	assert_int_equal(revision, 1);
	config_unref(config);
	overrides_unref(none);
	store_close(store);
}

static void
test_taking_back_restores_state_and_keeps_the_history(void **state)
{
	struct store *store = fresh();
	struct config *first = config_of(80), *second = config_of(81), *third = config_of(82);
	struct store_state before, now;
	uint64_t revision;
	json_t *history;
	int64_t id;

	(void)state;
	write_both(store, first, NULL, &revision);
	assert_int_equal(store_load(store, &before), 0);
	id = write_both(store, second, NULL, &revision);
	assert_int_equal(revision, 2);
	assert_int_equal(store_take_back(store, &before, revision, id, "no"), 0);
	store = reopen(store);
	assert_int_equal(store_load(store, &now), 0);
	assert_int_equal(now.revision, 1);
	assert_true(config_equal(now.config, first));
	history = store_revision(store, 2);
	assert_true(json_is_true(json_object_get(history, "refused")));
	assert_true(json_is_false(json_object_get(history, "current")));
	json_decref(history);
	/* The number of what was refused is not given again. */
	write_both(store, third, NULL, &revision);
	assert_int_equal(revision, 3);
	state_free(&before);
	state_free(&now);
	config_unref(first);
	config_unref(second);
	config_unref(third);
	store_close(store);
}

static void
test_history_is_bounded_and_keeps_what_is_current(void **state)
{
	struct store *store = fresh();
	struct store_state now;
	uint64_t revision;
	json_t *list;

	(void)state;
	for (unsigned int i = 1; i <= 130; i++) {
		struct config *config = config_of(i);

		write_both(store, config, NULL, &revision);
		config_unref(config);
	}
	list = store_revisions(store, 1000);
	assert_int_equal(json_array_size(json_object_get(list, "revisions")), 100);
	json_decref(list);
	assert_int_equal(store_load(store, &now), 0);
	assert_int_equal(now.revision, 130);
	assert_int_equal(now.config->services[0].conf.key.l4_port, 130);
	state_free(&now);
	store_close(store);
}

static void
test_the_audit_trail_has_intent_before_result(void **state)
{
	struct store *store = fresh();
	struct config *config = config_of(80);
	uint64_t revision;
	int64_t id = write_both(store, config, NULL, &revision);
	json_t *list = store_audit(store, 10, 0);
	json_t *entry = json_array_get(json_object_get(list, "entries"), 0);

	(void)state;
	assert_true(json_is_null(json_object_get(entry, "result")));
	assert_string_equal(json_string_value(json_object_get(entry, "user")), "o'hara");
	json_decref(list);
	assert_int_equal(store_finish(store, id, "in_force", "generation 5"), 0);
	list = store_audit(store, 10, 0);
	entry = json_array_get(json_object_get(list, "entries"), 0);
	assert_string_equal(json_string_value(json_object_get(entry, "result")), "in_force");
	json_decref(list);
	list = store_audit(store, 10, id);
	assert_int_equal(json_array_size(json_object_get(list, "entries")), 0);
	json_decref(list);
	config_unref(config);
	store_close(store);
}

static void
test_an_observation_is_an_entry_of_the_audit_trail_that_has_ended(void **state)
{
	struct store *store = fresh();
	struct actor actor = { .uid = -1 };
	struct store_change change = { .actor = &actor,
		.action = "health.change",
		.target = "2 backends",
		.after = json_pack("[s, s]", "a", "b") };
	struct config *config = config_of(80);
	json_t *list, *entry;
	uint64_t revision;

	(void)state;
	write_both(store, config, NULL, &revision);
	assert_int_equal(store_note(store, &change, "observed", "observed", ""), 0);
	list = store_audit(store, 1, 0);
	entry = json_array_get(json_object_get(list, "entries"), 0);
	assert_string_equal(json_string_value(json_object_get(entry, "action")), "health.change");
	assert_string_equal(json_string_value(json_object_get(entry, "result")), "observed");
	assert_int_equal(json_integer_value(json_object_get(entry, "revision")), revision);
	assert_true(json_equal(json_object_get(entry, "after"), change.after));
	json_decref(list);
	json_decref(change.after);
	config_unref(config);
	store_close(store);
}

static void
test_a_file_is_known_by_path_and_content(void **state)
{
	struct store *store = fresh();
	struct config *a = config_of(80), *b = config_of(81);

	(void)state;
	assert_int_equal(store_file_is_known(store, "/a", a), 0);
	assert_int_equal(store_file_note(store, "/a", a), 0);
	assert_int_equal(store_file_is_known(store, "/a", a), 1);
	assert_int_equal(store_file_is_known(store, "/a", b), 0);
	assert_int_equal(store_file_is_known(store, "/b", a), 0);
	config_unref(a);
	config_unref(b);
	store_close(store);
}

static void
test_a_damaged_database_is_refused_with_what_to_do(void **state)
{
	FILE *file;

	(void)state;
	store_close(fresh());
	file = fopen(path, "r+");
	assert_non_null(file);
	for (int i = 0; i < 20000; i++)
		fputc(i * 7 % 251, file);
	fclose(file);
	assert_null(store_open(path, error, sizeof(error)));
	assert_non_null(strstr(error, "move the file away"));
	assert_non_null(strstr(error, path));
	unlink(path);
}

static void
test_a_directory_that_cannot_be_written_is_refused(void **state)
{
	(void)state;
	assert_null(store_open("/proc/guideway/state.db", error, sizeof(error)));
	assert_non_null(strstr(error, "/proc/guideway/state.db"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_new_store_is_empty_and_private),
		cmocka_unit_test(test_what_is_stored_is_loaded_again),
		cmocka_unit_test(test_overrides_alone_make_no_revision),
		cmocka_unit_test(test_taking_back_restores_state_and_keeps_the_history),
		cmocka_unit_test(test_history_is_bounded_and_keeps_what_is_current),
		cmocka_unit_test(test_the_audit_trail_has_intent_before_result),
		cmocka_unit_test(test_an_observation_is_an_entry_of_the_audit_trail_that_has_ended),
		cmocka_unit_test(test_a_file_is_known_by_path_and_content),
		cmocka_unit_test(test_a_damaged_database_is_refused_with_what_to_do),
		cmocka_unit_test(test_a_directory_that_cannot_be_written_is_refused),
	};
	char command[128];
	int ret;

	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/state.db", dir);
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) != 0 ? 1 : ret;
}
