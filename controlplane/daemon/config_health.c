/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/config_health.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"

#include "controlplane/daemon/duration.h"

#define MAX_WINDOW_MS 3600000
#define MAX_JITTER 50

static const struct config_health defaults = {
	.combine = COMBINE_ALL,
	.guard = { .min_healthy = { .value = 1 },
			.max_leave = { .value = 100, .percent = true },
			.leave_interval_ms = 10000,
			.hold_down_ms = 1000,
			.max_hold_down_ms = 60000 },
};

/* One check. */

/** A check while it is read: the texts of its exchange are those of the document. */
struct draft {
	struct check check;
	struct exchange exchange;
};

/** One of two words. @return 0, 1; negative: complained. */
static int
read_word(struct reader *r, const struct node *node, const char *zero, const char *one)
{
	const char *text = read_text(r, node);

	if (text == NULL)
		return -1;
	if (strcmp(text, zero) == 0 || strcmp(text, one) == 0)
		return strcmp(text, one) == 0;
	reader_complain(r, node, NULL, "\"%.40s\" is not %s or %s", text, zero, one);
	return -1;
}

static void
read_type(struct reader *r, const struct node *node, void *out)
{
	const char *text = read_text(r, node);

	if (text != NULL && check_type_parse(text, &((struct draft *)out)->check.type) != 0)
		reader_complain(r, node, NULL, "\"%.40s\" is not tcp or http", text);
}

static void
read_interval(struct reader *r, const struct node *node, void *out)
{
	read_milliseconds(r, node, CHECK_MIN_INTERVAL_MS, CHECK_MAX_INTERVAL_MS,
			&((struct draft *)out)->check.interval_ms);
}

static void
read_fast_interval(struct reader *r, const struct node *node, void *out)
{
	read_milliseconds(r, node, CHECK_MIN_INTERVAL_MS, CHECK_MAX_INTERVAL_MS,
			&((struct draft *)out)->check.fast_interval_ms);
}

static void
read_timeout(struct reader *r, const struct node *node, void *out)
{
	read_milliseconds(r, node, CHECK_MIN_INTERVAL_MS, CHECK_MAX_INTERVAL_MS,
			&((struct draft *)out)->check.timeout_ms);
}

static void
read_streak(struct reader *r, const struct node *node, uint16_t *out)
{
	uint32_t n;

	if (read_integer(r, node, 1, CHECK_MAX_STREAK, &n))
		*out = (uint16_t)n;
}

static void
read_rise(struct reader *r, const struct node *node, void *out)
{
	read_streak(r, node, &((struct draft *)out)->check.rise);
}

static void
read_fall(struct reader *r, const struct node *node, void *out)
{
	read_streak(r, node, &((struct draft *)out)->check.fall);
}

static void
read_jitter(struct reader *r, const struct node *node, void *out)
{
	uint32_t percent;

	if (read_percent(r, node, MAX_JITTER, &percent))
		((struct draft *)out)->check.jitter_percent = (uint8_t)percent;
}

static void
read_check_port(struct reader *r, const struct node *node, void *out)
{
	uint32_t port;

	if (read_integer(r, node, 1, UINT16_MAX, &port))
		((struct draft *)out)->check.l4_port = (uint16_t)port;
}

static void
read_check_address(struct reader *r, const struct node *node, void *out)
{
	read_address(r, node, &((struct draft *)out)->check.addr);
}

static void
read_source(struct reader *r, const struct node *node, void *out)
{
	read_address(r, node, &((struct draft *)out)->check.source);
}

static void
read_bytes(struct reader *r, const struct node *node, struct check_text *out)
{
	const char *text = read_text(r, node);
	size_t len;

	if (text == NULL)
		return;
	len = strlen(text);
	if (len == 0 || len > EXCHANGE_TEXT_MAX) {
		reader_complain(r, node, NULL, "has %zu bytes, must have 1..%d", len,
				EXCHANGE_TEXT_MAX);
		return;
	}
	*out = (struct check_text){ .bytes = text, .len = (uint16_t)len };
}

static void
read_send(struct reader *r, const struct node *node, void *out)
{
	read_bytes(r, node, &((struct draft *)out)->exchange.texts[TEXT_SEND]);
}

static void
read_expect(struct reader *r, const struct node *node, void *out)
{
	read_bytes(r, node, &((struct draft *)out)->exchange.texts[TEXT_EXPECT]);
}

/** Text of an HTTP request: nothing in it may end a line. */
static void
read_http_text(struct reader *r, const struct node *node, const char *letters,
		struct check_text *out)
{
	struct check_text text = { .len = 0 };

	read_bytes(r, node, &text);
	for (unsigned int i = 0; i < text.len; i++) {
		char c = text.bytes[i];

		if (c > ' ' && c < 127 && (letters == NULL || strchr(letters, c) != NULL))
			continue;
		reader_complain(r, node, NULL, "has a character that must not be there");
		return;
	}
	*out = text;
}

static void
read_method(struct reader *r, const struct node *node, void *out)
{
	read_http_text(r, node, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-",
			&((struct draft *)out)->exchange.texts[TEXT_METHOD]);
}

static void
read_path(struct reader *r, const struct node *node, void *out)
{
	struct check_text *path = &((struct draft *)out)->exchange.texts[TEXT_PATH];

	read_http_text(r, node, NULL, path);
	if (path->len > 0 && path->bytes[0] != '/')
		reader_complain(r, node, NULL, "must begin with /");
}

static void
read_host(struct reader *r, const struct node *node, void *out)
{
	read_http_text(r, node, NULL, &((struct draft *)out)->exchange.texts[TEXT_HOST]);
}

/** "200" or "200-399". */
static void
read_status(struct reader *r, const struct node *node, void *out)
{
	struct exchange *exchange = &((struct draft *)out)->exchange;
	const char *text = node->text;
	unsigned int min, max;
	int end = 0;
	bool good = node->kind == NODE_PLAIN || node->kind == NODE_STRING ||
			node->kind == NODE_NUMBER;

	if (good && sscanf(text, "%3u-%3u%n", &min, &max, &end) == 2 && text[end] == '\0')
		good = text[0] != '+' && text[0] != '-';
	else if (good && sscanf(text, "%3u%n", &min, &end) == 1 && text[end] == '\0')
		max = min;
	else
		good = false;
	if (!good || min < 100 || max > 599 || min > max) {
		reader_complain(r, node, NULL,
				"must be a status such as 200, or some such as 200-399");
		return;
	}
	exchange->status_min = (uint16_t)min;
	exchange->status_max = (uint16_t)max;
}

static void
read_keep_alive(struct reader *r, const struct node *node, void *out)
{
	int word = read_word(r, node, "false", "true");

	if (word >= 0)
		((struct draft *)out)->exchange.keep_alive = (uint8_t)word;
}

static const struct field check_fields[] = {
	{ "type", true, read_type },
	{ "interval", false, read_interval },
	{ "fast-interval", false, read_fast_interval },
	{ "timeout", false, read_timeout },
	{ "rise", false, read_rise },
	{ "fall", false, read_fall },
	{ "jitter", false, read_jitter },
	{ "port", false, read_check_port },
	{ "address", false, read_check_address },
	{ "source", false, read_source },
	{ "send", false, read_send },
	{ "expect", false, read_expect },
	{ "method", false, read_method },
	{ "path", false, read_path },
	{ "host", false, read_host },
	{ "status", false, read_status },
	{ "keep-alive", false, read_keep_alive },
};

/** Keys that another type has. */
static void
check_keys(struct reader *r, const struct node *node, const struct draft *draft)
{
	static const char *const of_http[] = { "method", "path", "host", "status", "keep-alive" };

	for (size_t i = 0; draft->check.type != CHECK_HTTP && i < ARRAY_LEN(of_http); i++) {
		const struct node *key = node_child_or_self(node, of_http[i]);

		if (key != node)
			reader_complain(r, key, NULL, "%s is for checks of type http", of_http[i]);
	}
	if (draft->check.type == CHECK_HTTP && draft->exchange.texts[TEXT_SEND].len > 0)
		reader_complain(r, node_child_or_self(node, "send"), NULL,
				"send is for checks of type tcp");
}

static void
read_check(struct reader *r, const struct node *node, struct check *out)
{
	struct draft draft;
	struct exchange *made;

	check_init(out, CHECK_TCP);
	draft.check = *out;
	exchange_init(&draft.exchange);
	if (!fields_read(r, node, check_fields, ARRAY_LEN(check_fields), &draft))
		return;
	check_keys(r, node, &draft);
	made = exchange_make(&draft.exchange);
	if (made == NULL) {
		reader_complain(r, node, NULL, "out of memory");
		return;
	}
	*out = draft.check;
	out->exchange = made;
	if (out->fast_interval_ms > out->interval_ms)
		reader_complain(r, node_child_or_self(node, "fast-interval"), NULL,
				"the fast interval is longer than the interval");
	if (out->addr.family != IP_NONE && out->source.family != IP_NONE &&
			out->addr.family != out->source.family)
		reader_complain(r, node_child_or_self(node, "source"), NULL,
				"source and address are of different families");
}

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

		read_check(r, child, &h->checks[h->nb_checks++]);
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

static const struct field health_fields[] = {
	{ "checks", true, read_checks },
	{ "combine", false, read_combine },
	{ "initial", false, read_initial },
	{ "min-healthy", false, read_min_healthy },
	{ "max-leave", false, read_max_leave },
	{ "leave-interval", false, read_leave_interval },
	{ "hold-down", false, read_hold_down },
	{ "max-hold-down", false, read_max_hold_down },
};

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
			a->initially_down != b->initially_down || a->nb_checks != b->nb_checks)
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
	if (check.l4_port == 0)
		check.l4_port = l4_port;
	if (check.fast_interval_ms == 0)
		check.fast_interval_ms = check.interval_ms / 2;
	return check;
}

/* Writing. */

static void
set_ms(json_t *json, const char *key, uint32_t ms, uint32_t usual)
{
	char text[DURATION_STRLEN];

	if (ms != usual)
		json_object_set_new(json, key, json_string(duration_format_ms(ms, text)));
}

static void
set_address(json_t *json, const char *key, const struct ip_addr *addr)
{
	char text[IP_ADDR_STRLEN];

	if (addr->family != IP_NONE)
		json_object_set_new(json, key, json_string(ip_addr_format(addr, text)));
}

static void
set_text(json_t *json, const char *key, const struct check_text *text)
{
	if (text->len > 0)
		json_object_set_new(json, key, json_stringn(text->bytes, text->len));
}

static json_t *
check_to_json(const struct check *c)
{
	const struct exchange *x = c->exchange;
	json_t *json = json_pack("{s:s}", "type", check_type_name(c->type));

	set_ms(json, "interval", c->interval_ms, CHECK_DEFAULT_INTERVAL_MS);
	set_ms(json, "fast-interval", c->fast_interval_ms, 0);
	set_ms(json, "timeout", c->timeout_ms, CHECK_DEFAULT_TIMEOUT_MS);
	if (c->rise != CHECK_DEFAULT_RISE)
		json_object_set_new(json, "rise", json_integer(c->rise));
	if (c->fall != CHECK_DEFAULT_FALL)
		json_object_set_new(json, "fall", json_integer(c->fall));
	if (c->jitter_percent != CHECK_DEFAULT_JITTER)
		json_object_set_new(json, "jitter", json_sprintf("%u%%", c->jitter_percent));
	if (c->l4_port != 0)
		json_object_set_new(json, "port", json_integer(c->l4_port));
	set_address(json, "address", &c->addr);
	set_address(json, "source", &c->source);
	set_text(json, "send", &x->texts[TEXT_SEND]);
	set_text(json, "expect", &x->texts[TEXT_EXPECT]);
	set_text(json, "method", &x->texts[TEXT_METHOD]);
	set_text(json, "path", &x->texts[TEXT_PATH]);
	set_text(json, "host", &x->texts[TEXT_HOST]);
	if (x->status_min != EXCHANGE_DEFAULT_STATUS_MIN ||
			x->status_max != EXCHANGE_DEFAULT_STATUS_MAX)
		json_object_set_new(json, "status",
				json_sprintf("%u-%u", x->status_min, x->status_max));
	if (x->keep_alive != 0)
		json_object_set_new(json, "keep-alive", json_string("true"));
	return json;
}

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
	set_ms(json, "leave-interval", guard->leave_interval_ms, usual->leave_interval_ms);
	set_ms(json, "hold-down", guard->hold_down_ms, usual->hold_down_ms);
	set_ms(json, "max-hold-down", guard->max_hold_down_ms, usual->max_hold_down_ms);
	return json;
}
