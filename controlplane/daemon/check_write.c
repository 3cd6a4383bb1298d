/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/check_document.h"
#include "controlplane/daemon/json_text.h"

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
