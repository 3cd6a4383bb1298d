/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "controlplane/daemon/desired.h"

#define NB_SERVICES 5
#define NB_BACKENDS 3

static struct service_key
key_of(unsigned int service)
{
	struct service_key key = { .protocol = PROTOCOL_TCP, .l4_port = 80 };

	key.vip = ip_addr_from_bytes(IP_V4, (uint8_t[]){ 192, 0, 2, (uint8_t)service });
	return key;
}

/** Services 0 … with backends of this weight. */
static struct desired *
make(uint32_t weight)
{
	struct config *config = config_create();
	struct config_service *services = calloc(NB_SERVICES, sizeof(*services));
	struct overrides *none = overrides_create(0);
	struct desired *desired;

	for (unsigned int i = 0; i < NB_SERVICES; i++) {
		struct config_service *service = &services[i];

		service->conf.key = key_of(i);
		service->conf.mode = MODE_DIRECT;
		service->nb_backends = NB_BACKENDS;
		service->backends = calloc(NB_BACKENDS, sizeof(*service->backends));
		for (uint8_t b = 0; b < NB_BACKENDS; b++)
			service->backends[b] = (struct config_backend){
				.addr = ip_addr_from_bytes(IP_V4, (uint8_t[]){ 10, 0, 0, b }),
				.weight = weight,
				.admin = ADMIN_ENABLED
			};
	}
	assert_int_equal(config_take_services(config, services, NB_SERVICES), 0);
	desired = desired_make(config, none);
	config_unref(config);
	overrides_unref(none);
	return desired;
}

static void
test_a_change_of_a_copy_leaves_the_first_state_alone(void **state)
{
	struct desired *a = make(1), *b = desired_copy(a);
	struct desired_service *own;

	(void)state;
	assert_true(desired_shares_all(a, b));
	own = desired_own(b, 2);
	own->members[1].health = HEALTH_DOWN;
	assert_int_equal(a->services[2]->members[1].health, HEALTH_UNKNOWN);
	assert_ptr_equal(b->services[2], own);
	assert_false(desired_shares_all(a, b));
	for (uint32_t i = 0; i < NB_SERVICES; i++)
		assert_true(i == 2 || a->services[i] == b->services[i]);
	/* It is its own now: no second copy. */
	assert_ptr_equal(desired_own(b, 2), own);
	desired_unref(a);
	/* What b shared with it is still there. */
	assert_int_equal(b->services[0]->members[0].weight, 1);
	desired_unref(b);
}

static void
test_what_is_equal_can_be_shared_afterwards(void **state)
{
	struct desired *a = make(1), *b = make(1);

	(void)state;
	assert_false(desired_shares_all(a, b));
	desired_own(b, 4)->members[0].weight = 2;
	desired_share(b, a);
	for (uint32_t i = 0; i < NB_SERVICES; i++)
		assert_int_equal(a->services[i] == b->services[i], i != 4);
	desired_own(b, 4)->members[0].weight = 1;
	desired_share(b, a);
	assert_true(desired_shares_all(a, b));
	desired_unref(a);
	desired_unref(b);
}

static void
test_services_are_found_by_key(void **state)
{
	struct desired *d = make(1);
	struct service_key key = key_of(NB_SERVICES);

	(void)state;
	assert_int_equal(desired_find(d, &key), -1);
	for (unsigned int i = 0; i < NB_SERVICES; i++) {
		key = key_of(i);
		assert_int_equal(desired_find(d, &key), i);
	}
	desired_unref(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_change_of_a_copy_leaves_the_first_state_alone),
		cmocka_unit_test(test_what_is_equal_can_be_shared_afterwards),
		cmocka_unit_test(test_services_are_found_by_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
