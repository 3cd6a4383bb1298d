/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "controlplane/daemon/config_read.h"

#include "store_work.h"

struct config *
work_config(unsigned int port)
{
	struct complaints c;
	struct config *config;
	char text[256];

	snprintf(text, sizeof(text),
			"services: [{address: 192.0.2.1, protocol: tcp, port: %u, mode: direct, "
			"backends: [{address: 10.0.0.1}]}]",
			port);
	complaints_init(&c, "work");
	config = config_parse(text, strlen(text), FORMAT_YAML, &c);
	complaints_clear(&c);
	return config;
}

static struct overrides *
overrides_of(uint64_t n)
{
	struct override o = { .has_weight = true, .weight = (uint32_t)n, .by = "work" };
	struct overrides *list = overrides_create(1);

	o.service.vip = ip_addr_from_bytes(IP_V4, (uint8_t[]){ 192, 0, 2, 1 });
	o.service.protocol = PROTOCOL_TCP;
	o.service.l4_port = (uint16_t)n;
	o.backend = ip_addr_from_bytes(IP_V4, (uint8_t[]){ 10, 0, 0, 1 });
	overrides_append(list, &o);
	return list;
}

int
work_change(struct store *store, uint64_t n)
{
	struct actor actor = { .uid = 7, .pid = 8, .user = "work" };
	struct balancer_state balancer = { .admin = ADMIN_DRAINING, .since_ms = (int64_t)n };
	struct store_change change = { .actor = &actor,
		.action = "config.apply",
		.target = "work",
		.config = work_config((unsigned int)n),
		.overrides = overrides_of(n),
		.balancer = &balancer };
	struct store_change note = { .actor = &actor, .action = "health.change", .target = "work" };
	uint64_t revision;
	int64_t id;
	int ret = store_write(store, &change, &id, &revision);

	config_unref(change.config);
	overrides_unref(change.overrides);
	/* The change is promised already; what follows may be lost, but not break anything. */
	if (ret == 0 &&
			(store_finish(store, id, "in_force", "") != 0 ||
					store_note(store, &note, "observed", "observed", "up") !=
							0))
		return 0;
	return ret;
}

static void
check_chain(struct store *store, struct trail_place *place)
{
	json_t *list, *row;
	size_t at;

	do {
		list = store_trail_export(store, place->seq + 1, 500);
		assert_non_null(list);
		json_array_foreach(list, at, row)
		{
			const char *record = json_string_value(json_object_get(row, "record"));
			const char *hash = json_string_value(json_object_get(row, "hash"));
			char expected[TRAIL_HASH_TEXT];
			json_t *read = json_loads(record, 0, NULL);

			trail_extend(place, record, strlen(record));
			assert_string_equal(hash, trail_hash_format(place->hash, expected));
			assert_int_equal(json_integer_value(json_object_get(read, "seq")),
					place->seq);
			json_decref(read);
		}
		at = json_array_size(list);
		json_decref(list);
	} while (at == 500);
}

uint64_t
work_check(struct store *store, uint64_t acknowledged, struct trail_place *verified)
{
	struct store_state now;
	uint64_t n;

	if (store_load(store, &now) != 0)
		fail_msg("%s", store_error(store));
	n = now.revision;
	if (n < acknowledged)
		fail_msg("change %llu was acknowledged, %llu is the last",
				(unsigned long long)acknowledged, (unsigned long long)n);
	if (n > 0) {
		struct config *config = work_config((unsigned int)n);
		struct overrides *overrides = overrides_of(n);

		assert_true(config_equal(now.config, config));
		assert_true(overrides_equal(now.overrides, overrides));
		assert_int_equal(now.balancer.since_ms, n);
		config_unref(config);
		overrides_unref(overrides);
	}
	config_unref(now.config);
	overrides_unref(now.overrides);
	check_chain(store, verified);
	return n;
}
