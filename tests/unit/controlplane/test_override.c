/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "service/service_id.h"

#include "controlplane/daemon/desired.h"
#include "controlplane/daemon/override.h"

#define NB_SERVICES 4
#define NB_BACKENDS 6

static struct override
entry(unsigned int service, unsigned int backend)
{
	struct override o = { .has_weight = true };

	o.service.vip = ip_addr_from_bytes(IP_V4, (uint8_t[]){ 192, 0, 2, (uint8_t)service });
	o.service.protocol = PROTOCOL_TCP;
	o.service.l4_port = 80;
	o.backend = ip_addr_from_bytes(IP_V4, (uint8_t[]){ 10, 0, 0, (uint8_t)backend });
	return o;
}

/** Twin: a weight for each pair; negative: none. */
static void
compare_with_twin(const struct overrides *o, int (*twin)[NB_BACKENDS])
{
	uint32_t nb = 0;

	for (unsigned int s = 0; s < NB_SERVICES; s++) {
		for (unsigned int b = 0; b < NB_BACKENDS; b++) {
			struct override wanted = entry(s, b);
			const struct override *found =
					overrides_find(o, &wanted.service, &wanted.backend);

			assert_int_equal(found != NULL, twin[s][b] >= 0);
			if (found != NULL)
				assert_int_equal(found->weight, twin[s][b]);
			nb += found != NULL;
		}
	}
	assert_int_equal(o->nb, nb);
}

static struct overrides *
random_step(const struct overrides *o, int (*twin)[NB_BACKENDS])
{
	unsigned int s = (unsigned int)rand() % NB_SERVICES, b = (unsigned int)rand() % NB_BACKENDS;
	struct override e = entry(s, b);
	int what = rand() % 10;

	if (what < 6) {
		e.weight = (uint32_t)rand() % 100;
		e.has_weight = what < 5; /* Else it overrides nothing: removed. */
		twin[s][b] = what < 5 ? (int)e.weight : -1;
		return overrides_with(o, &e);
	}
	for (unsigned int i = 0; i < NB_SERVICES; i++) {
		for (unsigned int j = 0; j < NB_BACKENDS; j++) {
			if ((what == 7 || i == s) && (what == 8 || j == b))
				twin[i][j] = -1;
		}
	}
	return overrides_without(o, what == 7 ? NULL : &e.service, what == 8 ? NULL : &e.backend);
}

static void
test_random_changes_match_a_naive_twin(void **state)
{
	unsigned int seed = (unsigned int)time(NULL);
	struct overrides *o = overrides_create(0);
	int twin[NB_SERVICES][NB_BACKENDS];

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (unsigned int s = 0; s < NB_SERVICES; s++)
		for (unsigned int b = 0; b < NB_BACKENDS; b++)
			twin[s][b] = -1;
	for (int i = 0; i < 20000; i++) {
		struct overrides *next = random_step(o, twin);

		assert_non_null(next);
		overrides_unref(o);
		o = next;
		compare_with_twin(o, twin);
	}
	overrides_unref(o);
}

static void
test_an_override_wins_field_by_field(void **state)
{
	struct config_backend backend = { .weight = 100, .admin = ADMIN_ENABLED };
	struct override o = { .has_admin = true, .admin = ADMIN_DRAINING, .weight = 5 };
	struct backend_conf conf;

	(void)state;
	conf = desired_backend(&backend, NULL);
	assert_int_equal(conf.admin, ADMIN_ENABLED);
	assert_int_equal(conf.weight, 100);
	conf = desired_backend(&backend, &o);
	assert_int_equal(conf.admin, ADMIN_DRAINING);
	assert_int_equal(conf.weight, 100);
	o.has_weight = true;
	conf = desired_backend(&backend, &o);
	assert_int_equal(conf.weight, 5);
	assert_int_equal(conf.factor, BACKEND_FACTOR_ONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_changes_match_a_naive_twin),
		cmocka_unit_test(test_an_override_wins_field_by_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
