/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "controlplane/daemon/diff.h"

#define NB_SERVICES 4
#define NB_BACKENDS 6

/** A naive state: which services are there, with what, and which backends. */
struct twin {
	bool used[NB_SERVICES];
	uint32_t slots[NB_SERVICES];
	int weight[NB_SERVICES][NB_BACKENDS]; /* Negative: not there. */
};

static struct service_key
key_of(unsigned int service)
{
	struct service_key key = { .protocol = PROTOCOL_TCP, .l4_port = 80 };

	key.vip = ip_addr_from_bytes(IP_V4, (uint8_t[]){ 192, 0, 2, (uint8_t)service });
	return key;
}

static struct ip_addr
addr_of(unsigned int backend)
{
	return ip_addr_from_bytes(IP_V4, (uint8_t[]){ 10, 0, 0, (uint8_t)backend });
}

/** The twin as a configuration, services and backends in a random order. */
static struct desired *
desired_of(const struct twin *twin)
{
	struct config *config = config_create();
	struct config_service *services = calloc(NB_SERVICES, sizeof(*services));
	struct overrides *none = overrides_create(0);
	unsigned int turn = (unsigned int)rand(), nb = 0;
	struct desired *desired;

	for (unsigned int i = 0; i < NB_SERVICES; i++) {
		unsigned int s = (i + turn) % NB_SERVICES;
		struct config_service *service = &services[nb];

		if (!twin->used[s])
			continue;
		nb++;
		service->conf.key = key_of(s);
		service->conf.mode = MODE_DIRECT;
		service->conf.nb_slots = twin->slots[s];
		service->backends = calloc(NB_BACKENDS, sizeof(*service->backends));
		for (unsigned int j = 0; j < NB_BACKENDS; j++) {
			unsigned int b = (j + turn) % NB_BACKENDS;

			if (twin->weight[s][b] >= 0)
				service->backends[service->nb_backends++] =
						(struct config_backend){ .addr = addr_of(b),
							.weight = (uint32_t)twin->weight[s][b],
							.admin = ADMIN_ENABLED };
		}
	}
	assert_int_equal(config_take_services(config, services, nb), 0);
	desired = desired_make(config, none);
	config_unref(config);
	overrides_unref(none);
	return desired;
}

/** What a dataplane does with a command. */
static void
apply(struct twin *twin, const struct message *m)
{
	unsigned int s, b;

	switch (m->type) {
	case MSG_SERVICE_SET:
		s = m->SERVICE_SET.conf.key.vip.bytes[3];
		if (!twin->used[s])
			for (b = 0; b < NB_BACKENDS; b++)
				twin->weight[s][b] = -1;
		twin->used[s] = true;
		twin->slots[s] = m->SERVICE_SET.conf.nb_slots;
		break;
	case MSG_SERVICE_REMOVE:
		s = m->SERVICE_REMOVE.key.vip.bytes[3];
		assert_true(twin->used[s]);
		twin->used[s] = false;
		break;
	case MSG_BACKEND_SET:
		s = m->BACKEND_SET.service.vip.bytes[3];
		assert_true(twin->used[s]);
		twin->weight[s][m->BACKEND_SET.conf.addr.bytes[3]] =
				(int)m->BACKEND_SET.conf.weight;
		break;
	case MSG_BACKEND_REMOVE:
		s = m->BACKEND_REMOVE.service.vip.bytes[3];
		b = m->BACKEND_REMOVE.addr.bytes[3];
		assert_true(twin->used[s] && twin->weight[s][b] >= 0);
		twin->weight[s][b] = -1;
		break;
	default:
		fail();
	}
}

static void
assert_twins_equal(const struct twin *a, const struct twin *b)
{
	for (unsigned int s = 0; s < NB_SERVICES; s++) {
		assert_int_equal(a->used[s], b->used[s]);
		if (!a->used[s])
			continue;
		assert_int_equal(a->slots[s], b->slots[s]);
		assert_memory_equal(a->weight[s], b->weight[s], sizeof(a->weight[s]));
	}
}

static void
twin_randomise(struct twin *twin)
{
	for (unsigned int s = 0; s < NB_SERVICES; s++) {
		twin->used[s] = rand() % 4 != 0;
		if (rand() % 3 == 0)
			twin->slots[s] = rand() % 2 == 0 ? 251 : 65537;
		for (unsigned int b = 0; b < NB_BACKENDS; b++) {
			if (rand() % 2 == 0)
				twin->weight[s][b] = rand() % 4 - 1;
		}
	}
}

static void
test_the_commands_lead_from_any_state_to_any_other(void **state)
{
	unsigned int seed = (unsigned int)time(NULL);
	struct twin before = { .used = { false } }, after;

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (int i = 0; i < 20000; i++) {
		struct desired *from = desired_of(&before), *to;
		struct diff *diff;
		struct message m;

		after = before;
		twin_randomise(&after);
		to = desired_of(&after);
		if (rand() % 2 == 0)
			desired_share(to, from);
		diff = diff_make(from, to);
		for (uint32_t j = 0; j < diff->nb; j++) {
			change_to_message(&diff->list[j], &m);
			assert_int_equal(message_check(&m, true), 0);
			apply(&before, &m);
		}
		assert_twins_equal(&before, &after);
		before = after;
		desired_unref(from);
		desired_unref(to);
		diff_free(diff);
	}
}

static void
test_equal_states_differ_in_nothing(void **state)
{
	struct twin twin = { .used = { true, true }, .slots = { 251, 0 } };
	struct desired *a = desired_of(&twin), *b = desired_of(&twin);
	struct diff *diff = diff_make(a, b);

	(void)state;
	assert_int_equal(diff->nb, 0);
	diff_free(diff);
	desired_unref(a);
	desired_unref(b);
}

static void
test_one_weight_is_one_command_and_one_line(void **state)
{
	struct twin twin = { .used = { [3] = true } };
	struct desired *a = desired_of(&twin), *b;
	struct diff *diff;
	char *text;

	(void)state;
	twin.weight[3][5] = 7;
	b = desired_of(&twin);
	diff = diff_make(a, b);
	assert_int_equal(diff->nb, 1);
	assert_int_equal(diff->counts[CHANGE_BACKEND_CHANGED], 1);
	text = change_to_text(&diff->list[0]);
	assert_string_equal(text, "tcp/192.0.2.3:80: backend 10.0.0.5 weight 7, was 0");
	free(text);
	diff_free(diff);
	desired_unref(a);
	desired_unref(b);
}

static void
test_from_nothing_everything_is_added(void **state)
{
	struct twin twin = { .used = { true, true } };
	struct desired *to = desired_of(&twin);
	struct diff *diff = diff_make(NULL, to);
	json_t *json = diff_to_json(diff);

	(void)state;
	assert_int_equal(diff->counts[CHANGE_SERVICE_ADDED], 2);
	assert_int_equal(diff->counts[CHANGE_BACKEND_ADDED], 2 * NB_BACKENDS);
	assert_int_equal(json_array_size(json_object_get(json, "list")), diff->nb);
	json_decref(json);
	diff_free(diff);
	desired_unref(to);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_commands_lead_from_any_state_to_any_other),
		cmocka_unit_test(test_equal_states_differ_in_nothing),
		cmocka_unit_test(test_one_weight_is_one_command_and_one_line),
		cmocka_unit_test(test_from_nothing_everything_is_added),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
