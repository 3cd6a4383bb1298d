/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"

#include "controlplane/daemon/check_document.h"
#include "controlplane/daemon/check_draft.h"
#include "controlplane/health/trust.h"

#define MAX_JITTER 50
#define TYPES_TEXT_SIZE 128

/** The bit of a type. */
#define OF(type) (1U << CHECK_##type)
#define ALL_TYPES ((1U << NB_CHECK_TYPES) - 2)

void
check_read_bytes(struct reader *r, const struct node *node, struct check_text *out)
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

/** "tcp, http or tls": those of @p types, a bit each. */
static const char *
types_text(unsigned int types, char *buf, size_t size)
{
	size_t at = 0;

	types &= ALL_TYPES;
	buf[0] = '\0';
	for (uint8_t i = 1; i < NB_CHECK_TYPES && at < size; i++) {
		unsigned int later = types >> i >> 1;
		const char *then = later == 0 ? "" : (later & (later - 1)) == 0 ? " or " : ", ";

		if ((types >> i & 1) != 0)
			at += (size_t)snprintf(
					buf + at, size - at, "%s%s", check_type_name(i), then);
	}
	return buf;
}

static void
read_type(struct reader *r, const struct node *node, void *out)
{
	const char *text = read_text(r, node);
	char all[TYPES_TEXT_SIZE];

	if (text != NULL && check_type_parse(text, &((struct draft *)out)->check.type) != 0)
		reader_complain(r, node, NULL, "\"%.40s\" is not %s", text,
				types_text(ALL_TYPES, all, sizeof(all)));
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
read_send(struct reader *r, const struct node *node, void *out)
{
	check_read_bytes(r, node, &((struct draft *)out)->exchange.texts[TEXT_SEND]);
}

static void
read_expect(struct reader *r, const struct node *node, void *out)
{
	check_read_bytes(r, node, &((struct draft *)out)->exchange.texts[TEXT_EXPECT]);
}

static int
hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) % 16 : -1;
}

/** Pairs of hexadecimal digits, with spaces between pairs. @return bytes; -1: it is not that. */
static int
parse_hex(const char *text, char *bytes)
{
	int len = 0;

	for (; *text != '\0'; text += *text == ' ' ? 1 : 2) {
		int high = hex_digit(text[0]), low = high >= 0 ? hex_digit(text[1]) : -1;

		if (*text == ' ')
			continue;
		if (low < 0 || len == EXCHANGE_TEXT_MAX)
			return -1;
		bytes[len++] = (char)(high << 4 | low);
	}
	return len;
}

/** @param bytes Where they are kept: EXCHANGE_TEXT_MAX. */
static void
read_hex(struct reader *r, const struct node *node, char *bytes, struct check_text *out)
{
	const char *text = read_text(r, node);
	int len;

	if (text == NULL)
		return;
	len = parse_hex(text, bytes);
	if (len <= 0)
		reader_complain(r, node, NULL, "must be 1..%d bytes, two hexadecimal digits each",
				EXCHANGE_TEXT_MAX);
	else
		*out = (struct check_text){ .bytes = bytes, .len = (uint16_t)len };
}

static void
read_send_hex(struct reader *r, const struct node *node, void *out)
{
	struct draft *draft = out;

	read_hex(r, node, draft->sent, &draft->exchange.texts[TEXT_SEND]);
}

static void
read_expect_hex(struct reader *r, const struct node *node, void *out)
{
	struct draft *draft = out;

	read_hex(r, node, draft->expected, &draft->exchange.texts[TEXT_EXPECT]);
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
	{ "send-hex", false, read_send_hex },
	{ "expect-hex", false, read_expect_hex },
	{ "method", false, check_read_method },
	{ "path", false, check_read_path },
	{ "host", false, check_read_host },
	{ "status", false, check_read_status },
	{ "headers", false, check_read_headers },
	{ "keep-alive", false, check_read_keep_alive },
	{ "server-name", false, check_read_server_name },
	{ "verify", false, check_read_verify },
	{ "ca-file", false, check_read_ca_file },
	{ "alpn", false, check_read_alpn },
	{ "min-days", false, check_read_min_days },
};

/** Keys that are not for every type. */
static const struct {
	const char *key;
	unsigned int types;
} keys_of_types[] = {
	{ "port", ~OF(ICMP) },
	{ "rise", ~OF(AGENT) },
	{ "fall", ~OF(AGENT) },
	{ "fast-interval", ~OF(AGENT) },
	{ "send", OF(TCP) | OF(UDP) | OF(AGENT) },
	{ "expect", OF(TCP) | OF(HTTP) | OF(HTTPS) | OF(UDP) },
	{ "send-hex", OF(TCP) | OF(UDP) },
	{ "expect-hex", OF(TCP) | OF(UDP) },
	{ "method", OF(HTTP) | OF(HTTPS) },
	{ "path", OF(HTTP) | OF(HTTPS) },
	{ "host", OF(HTTP) | OF(HTTPS) },
	{ "status", OF(HTTP) | OF(HTTPS) },
	{ "headers", OF(HTTP) | OF(HTTPS) },
	{ "keep-alive", OF(HTTP) | OF(HTTPS) },
	{ "server-name", OF(TLS) | OF(HTTPS) },
	{ "verify", OF(TLS) | OF(HTTPS) },
	{ "ca-file", OF(TLS) | OF(HTTPS) },
	{ "min-days", OF(TLS) | OF(HTTPS) },
	{ "alpn", OF(TLS) },
};

static void
check_keys(struct reader *r, const struct node *node, const struct draft *draft)
{
	char text[TYPES_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_LEN(keys_of_types); i++) {
		const struct node *key = node_child_or_self(node, keys_of_types[i].key);

		if (key == node || (keys_of_types[i].types >> draft->check.type & 1) != 0)
			continue;
		reader_complain(r, key, NULL, "%s is for checks of type %s", keys_of_types[i].key,
				types_text(keys_of_types[i].types, text, sizeof(text)));
	}
}

static void
check_given_once(struct reader *r, const struct node *node, const char *key, const char *hex_key)
{
	const struct node *hex = node_child_or_self(node, hex_key);

	if (hex != node && node_child_or_self(node, key) != node)
		reader_complain(r, hex, NULL, "%s and %s are given", key, hex_key);
}

void
check_read(struct reader *r, const struct node *node, struct check *out)
{
	struct draft draft;
	struct exchange *made;

	check_init(out, CHECK_TCP);
	draft = (struct draft){ .check = *out, .verify = true };
	exchange_init(&draft.exchange);
	if (!fields_read(r, node, check_fields, ARRAY_LEN(check_fields), &draft))
		return;
	check_keys(r, node, &draft);
	check_given_once(r, node, "send", "send-hex");
	check_given_once(r, node, "expect", "expect-hex");
	if (draft.check.type == CHECK_UDP && draft.exchange.texts[TEXT_SEND].len == 0)
		reader_complain(r, node, NULL, "a check of type udp needs send or send-hex");
	if (draft.check.type == CHECK_AGENT && draft.check.l4_port == 0)
		reader_complain(r, node, NULL, "a check of type agent needs a port");
	check_read_trust(r, node, &draft);
	made = exchange_make(&draft.exchange);
	trust_unref(draft.exchange.trust);
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
