/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "controlplane/daemon/check_document.h"
#include "controlplane/daemon/json_text.h"
#include "controlplane/health/trust.h"

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

/** As text if it is; else in hexadecimal digits below @p hex_key. */
static void
set_bytes(json_t *json, const char *key, const char *hex_key, const struct check_text *bytes)
{
	char digits[2 * EXCHANGE_TEXT_MAX + 1] = "";
	json_t *text = memchr(bytes->bytes, '\0', bytes->len) == NULL
			? json_stringn(bytes->bytes, bytes->len)
			: NULL;

	if (text != NULL) {
		json_object_set_new(json, key, text);
		return;
	}
	for (unsigned int i = 0; i < bytes->len; i++)
		snprintf(digits + (size_t)2 * i, 3, "%02x", (uint8_t)bytes->bytes[i]);
	json_object_set_new(json, hex_key, json_string(digits));
}

/** "200,204,301-302" */
static void
set_status(json_t *json, const struct status_set *set)
{
	char text[STATUS_SET_STRLEN];

	if (memcmp(set, &exchange_default()->statuses, sizeof(*set)) != 0)
		json_object_set_new(json, "status", json_string(status_set_format(set, text)));
}

static void
set_headers(json_t *json, const struct check_text *lines)
{
	json_t *map = json_object();

	for (size_t at = 0; at < lines->len; at += strlen(lines->bytes + at) + 1) {
		const char *line = lines->bytes + at, *colon = strchr(line, ':');

		json_object_setn_new(map, line, (size_t)(colon - line), json_string(colon + 2));
	}
	if (json_object_size(map) > 0)
		json_object_set(json, "headers", map);
	json_decref(map);
}

static void
set_tls(json_t *json, const struct exchange *x)
{
	struct check_text usual = check_host_name(&x->texts[TEXT_HOST]);
	const struct check_text *name = &x->texts[TEXT_SERVER_NAME];

	if (name->len > 0 &&
			(name->len != usual.len ||
					memcmp(name->bytes, usual.bytes, name->len) != 0))
		set_text(json, "server-name", name);
	if (x->trust == trust_anybody())
		json_object_set_new(json, "verify", json_string("false"));
	else if (trust_path(x->trust) != NULL)
		json_object_set_new(json, "ca-file", json_string(trust_path(x->trust)));
	set_text(json, "alpn", &x->texts[TEXT_ALPN]);
	if (x->min_days > 0)
		json_object_set_new(json, "min-days", json_integer(x->min_days));
}

json_t *
check_to_json(const struct check *c)
{
	const struct exchange *x = c->exchange;
	json_t *json = json_pack("{s:s}", "type", check_type_name(c->type));

	json_set_ms(json, "interval", c->interval_ms, CHECK_DEFAULT_INTERVAL_MS);
	json_set_ms(json, "fast-interval", c->fast_interval_ms, 0);
	json_set_ms(json, "timeout", c->timeout_ms, CHECK_DEFAULT_TIMEOUT_MS);
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
	if (x->texts[TEXT_SEND].len > 0)
		set_bytes(json, "send", "send-hex", &x->texts[TEXT_SEND]);
	if (x->texts[TEXT_EXPECT].len > 0)
		set_bytes(json, "expect", "expect-hex", &x->texts[TEXT_EXPECT]);
	set_text(json, "method", &x->texts[TEXT_METHOD]);
	set_text(json, "path", &x->texts[TEXT_PATH]);
	set_text(json, "host", &x->texts[TEXT_HOST]);
	set_status(json, &x->statuses);
	set_headers(json, &x->texts[TEXT_HEADERS]);
	if (x->keep_alive != 0)
		json_object_set_new(json, "keep-alive", json_string("true"));
	if (x->trust != NULL)
		set_tls(json, x);
	return json;
}
