/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/config_health.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "service/service_id.h"

#include "controlplane/daemon/check_document.h"
#include "controlplane/daemon/json_text.h"
#include "controlplane/health/slow_start.h"

#define MAX_WINDOW_MS 3600000

static const struct config_health defaults = {
	.combine = COMBINE_ALL,
	.advertise_failing = ADVERTISE_SPARE,
	.guard = { .min_healthy = { .value = 1 },
			.max_leave = { .value = 100, .percent = true },
			.leave_interval_ms = 10000,
			.hold_down_ms = 1000,
			.max_hold_down_ms = 60000 },
};

/* The map. */

static void
read_checks(struct reader *r, const struct node *node, void *out)
{
	struct config_health *h = out;

	if (node->kind != NODE_LIST || node->nb == 0 || node->nb > CONFIG_MAX_CHECKS) {
		reader_complain(r, node, NULL, "must be a list of 1..%d checks", CONFIG_MAX_CHECKS);
		return;
	}
	for (const struct node *child = node->first; child != NULL; child = child->next) {
		size_t saved = reader_enter_index(r, h->nb_checks);

		check_read(r, child, &h->checks[h->nb_checks++]);
		reader_leave(r, saved);
	}
}

static void
read_combine(struct reader *r, const struct node *node, void *out)
{
	int word = read_word(r, node, "all", "any");

	if (word >= 0)
		((struct config_health *)out)->combine = (uint8_t)word;
}

static void
read_initial(struct reader *r, const struct node *node, void *out)
{
	((struct config_health *)out)->initially_down = read_word(r, node, "up", "down") == 1;
}

/** "50%" or a number. */
static void
read_limit(struct reader *r, const struct node *node, uint32_t min, struct guard_limit *out)
{
	const char *text = node->text;
	bool is_percent = (node->kind == NODE_PLAIN || node->kind == NODE_STRING) &&
			text[0] != '\0' && text[strlen(text) - 1] == '%';
	uint32_t value;

	if (is_percent ? read_percent(r, node, 100, &value)
		       : read_integer(r, node, min, BACKEND_MAX, &value))
		*out = (struct guard_limit){ .value = value, .percent = is_percent };
}

static void
read_min_healthy(struct reader *r, const struct node *node, void *out)
{
	read_limit(r, node, 0, &((struct config_health *)out)->guard.min_healthy);
}

static void
read_max_leave(struct reader *r, const struct node *node, void *out)
{
	read_limit(r, node, 1, &((struct config_health *)out)->guard.max_leave);
}

static void
read_leave_interval(struct reader *r, const struct node *node, void *out)
{
	read_milliseconds(r, node, 1, MAX_WINDOW_MS,
			&((struct config_health *)out)->guard.leave_interval_ms);
}

static void
read_hold_down(struct reader *r, const struct node *node, void *out)
{
	read_milliseconds(r, node, 0, MAX_WINDOW_MS,
			&((struct config_health *)out)->guard.hold_down_ms);
}

static void
read_max_hold_down(struct reader *r, const struct node *node, void *out)
{
	read_milliseconds(r, node, 0, MAX_WINDOW_MS,
			&((struct config_health *)out)->guard.max_hold_down_ms);
}

static void
read_slow_start(struct reader *r, const struct node *node, void *out)
{
	uint32_t ms;

	if (!read_milliseconds(r, node, 0, SLOW_START_MAX_MS, &ms))
		return;
	if (ms != 0 && ms < SLOW_START_MIN_MS)
		reader_complain(r, node, "0s: none", "must be 1s or longer");
	else
		((struct config_health *)out)->slow_start_ms = ms;
}

static void
read_advertise_failing(struct reader *r, const struct node *node, void *out)
{
	const char *text = read_text(r, node);
	uint8_t *advertise = &((struct config_health *)out)->advertise_failing;

	if (text != NULL && service_advertise_parse(text, advertise) != 0)
		reader_complain(r, node, NULL, "\"%.40s\" is not preferred, spare or none", text);
}

static const struct field health_fields[] = {
	{ "checks", true, read_checks },
	{ "combine", false, read_combine },
	{ "initial", false, read_initial },
	{ "min-healthy", false, read_min_healthy },
	{ "max-leave", false, read_max_leave },
	{ "leave-interval", false, read_leave_interval },
	{ "hold-down", false, read_hold_down },
	{ "max-hold-down", false, read_max_hold_down },
	{ "slow-start", false, read_slow_start },
	{ "advertise-failing", false, read_advertise_failing },
};

/** Within this every check has come round once. */
static uint32_t
round_ms(const struct config_health *h)
{
	uint32_t longest = 0;

	for (uint32_t i = 0; i < h->nb_checks; i++) {
		const struct check *check = &h->checks[i];
		uint32_t spread = (check->interval_ms * check->jitter_percent + 99) / 100;
		uint32_t round = check->interval_ms + spread + check->timeout_ms;

		longest = round > longest ? round : longest;
	}
	return longest;
}

struct config_health *
config_health_read(struct reader *r, const struct node *node)
{
	struct config_health *h = malloc(sizeof(*h));

	if (h == NULL) {
		reader_complain(r, node, NULL, "out of memory");
		return NULL;
	}
	memcpy(h, &defaults, sizeof(*h));
	h->refs = 1;
	if (!fields_read(r, node, health_fields, ARRAY_LEN(health_fields), h)) {
		config_health_unref(h);
		return NULL;
	}
	h->guard.settle_ms = round_ms(h);
	return h;
}

struct config_health *
config_health_ref(struct config_health *h)
{
	if (h != NULL)
		h->refs++;
	return h;
}

void
config_health_unref(struct config_health *h)
{
	if (h == NULL || --h->refs > 0)
		return;
	for (uint32_t i = 0; i < h->nb_checks; i++)
		exchange_unref(h->checks[i].exchange);
	free(h);
}

static bool
limit_equal(const struct guard_limit *a, const struct guard_limit *b)
{
	return a->value == b->value && a->percent == b->percent;
}

bool
config_health_equal(const struct config_health *a, const struct config_health *b)
{
	if (a == b)
		return true;
	if (a == NULL || b == NULL || a->combine != b->combine ||
			a->initially_down != b->initially_down ||
			a->slow_start_ms != b->slow_start_ms ||
			a->advertise_failing != b->advertise_failing ||
			a->nb_checks != b->nb_checks)
		return false;
	for (uint32_t i = 0; i < a->nb_checks; i++) {
		if (check_compare(&a->checks[i], &b->checks[i]) != 0)
			return false;
	}
	return limit_equal(&a->guard.min_healthy, &b->guard.min_healthy) &&
			limit_equal(&a->guard.max_leave, &b->guard.max_leave) &&
			a->guard.leave_interval_ms == b->guard.leave_interval_ms &&
			a->guard.hold_down_ms == b->guard.hold_down_ms &&
			a->guard.max_hold_down_ms == b->guard.max_hold_down_ms;
}

struct check
config_check_for(const struct check *given, const struct ip_addr *backend, uint16_t l4_port)
{
	struct check check = *given;

	if (check.addr.family == IP_NONE)
		check.addr = *backend;
	/* A source of the other family cannot be meant for this backend. */
	if (check.source.family != check.addr.family)
		memset(&check.source, 0, sizeof(check.source));
	if (check.l4_port == 0 && check.type != CHECK_ICMP)
		check.l4_port = l4_port;
	if (check.fast_interval_ms == 0)
		check.fast_interval_ms = check.interval_ms / 2;
	return check;
}

/* Writing. */

static void
set_limit(json_t *json, const char *key, const struct guard_limit *limit,
		const struct guard_limit *usual)
{
	if (!limit_equal(limit, usual))
		json_object_set_new(json, key,
				limit->percent ? json_sprintf("%" PRIu32 "%%", limit->value)
					       : json_integer(limit->value));
}

json_t *
config_health_to_json(const struct config_health *h)
{
	const struct guard_conf *guard = &h->guard, *usual = &defaults.guard;
	json_t *json = json_object();
	json_t *checks = json_array();

	for (uint32_t i = 0; i < h->nb_checks; i++)
		json_array_append_new(checks, check_to_json(&h->checks[i]));
	json_object_set_new(json, "checks", checks);
	if (h->combine == COMBINE_ANY)
		json_object_set_new(json, "combine", json_string("any"));
	if (h->initially_down)
		json_object_set_new(json, "initial", json_string("down"));
	set_limit(json, "min-healthy", &guard->min_healthy, &usual->min_healthy);
	set_limit(json, "max-leave", &guard->max_leave, &usual->max_leave);
	json_set_ms(json, "leave-interval", guard->leave_interval_ms, usual->leave_interval_ms);
	json_set_ms(json, "hold-down", guard->hold_down_ms, usual->hold_down_ms);
	json_set_ms(json, "max-hold-down", guard->max_hold_down_ms, usual->max_hold_down_ms);
	json_set_ms(json, "slow-start", h->slow_start_ms, 0);
	if (h->advertise_failing != defaults.advertise_failing)
		json_object_set_new(json, "advertise-failing",
				json_string(service_advertise_name(h->advertise_failing)));
	return json;
}
