/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "controlplane/pinger/echo.h"
#include "controlplane/pinger/pending.h"

#define COOKIE UINT64_C(0x1122334455667788)

static const uint8_t host4[] = { 192, 0, 2, 7 };
static const uint8_t host6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 7 };

static struct ip_addr
host(enum ip_family family)
{
	return ip_addr_from_bytes(family, family == IP_V4 ? host4 : host6);
}

/** A packet as a raw socket gets it, and as an error quotes it. */
struct packet {
	uint8_t data[256];
	size_t len;
};

/** The request, with its IP header. */
static struct packet
request(enum ip_family family, uint32_t number)
{
	struct packet p = { .len = family == IP_V4 ? 20 : 40 };

	if (family == IP_V4) {
		p.data[0] = 0x45;
		p.data[9] = 1;
		memcpy(p.data + 16, host4, 4);
	} else {
		p.data[0] = 0x60;
		p.data[6] = 58;
		memcpy(p.data + 24, host6, 16);
	}
	echo_write(&(struct echo){ .number = number, .cookie = COOKIE }, family, p.data + p.len);
	p.len += ECHO_SIZE;
	return p;
}

/** What the host answers. */
static struct packet
reply(enum ip_family family, uint32_t number)
{
	struct packet p = request(family, number);

	if (family == IP_V4) {
		p.data[20] = 0;
		return p;
	}
	p.len -= 40;
	memmove(p.data, p.data + 40, p.len);
	p.data[0] = 129;
	return p;
}

/** What a router says. */
static struct packet
unreachable(enum ip_family family, uint32_t number)
{
	struct packet quoted = request(family, number), p = { .len = family == IP_V4 ? 20 : 0 };

	if (family == IP_V4) {
		p.data[0] = 0x45;
		p.data[9] = 1;
	}
	p.data[p.len] = family == IP_V4 ? 3 : 1;
	p.len += 8;
	memcpy(p.data + p.len, quoted.data, quoted.len);
	p.len += quoted.len;
	return p;
}

static void
test_a_request_is_as_the_rfc_says(void **state)
{
	uint8_t m[ECHO_SIZE];
	uint32_t sum = 0;

	(void)state;
	echo_write(&(struct echo){ .number = 0xabcd0102, .cookie = COOKIE }, IP_V4, m);
	assert_int_equal(m[0], 8);
	assert_memory_equal(m + 4, "\xab\xcd\x01\x02", 4);
	for (size_t i = 0; i < ECHO_SIZE; i += 2)
		sum += (uint32_t)m[i] << 8 | m[i + 1];
	assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
	echo_write(&(struct echo){ .number = 1 }, IP_V6, m);
	assert_int_equal(m[0], 128);
	assert_memory_equal(m + 2, "\0\0", 2); /* The kernel's. */
}

static void
test_what_comes_back_is_known_by_its_bytes(void **state)
{
	static const enum ip_family families[] = { IP_V4, IP_V6 };
	struct echo_heard heard;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		enum ip_family family = families[i];
		struct ip_addr from = host(family), router = { .family = IP_NONE };
		struct packet p = reply(family, 77);

		assert_int_equal(echo_read(family, p.data, p.len, &from, &heard), ECHO_REPLY);
		assert_int_equal(heard.number, 77);
		assert_true(heard.cookie == COOKIE);
		assert_true(ip_addr_equal(&heard.addr, &from));
		p = unreachable(family, 78);
		assert_int_equal(echo_read(family, p.data, p.len, &router, &heard),
				ECHO_UNREACHABLE);
		assert_int_equal(heard.number, 78);
		assert_true(heard.cookie == COOKIE);
		assert_true(ip_addr_equal(&heard.addr, &from));
	}
}

static void
test_what_is_cut_short_or_changed_is_never_read_beyond(void **state)
{
	static const enum ip_family families[] = { IP_V4, IP_V6 };
	struct ip_addr from = { .family = IP_NONE };
	struct echo_heard heard;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(families) * 2; i++) {
		enum ip_family family = families[i / 2];
		struct packet p = i % 2 == 0 ? reply(family, 1) : unreachable(family, 1);

		for (size_t len = 0; len < p.len; len++) {
			uint8_t *exact = malloc(len + 1); /* A sanitizer sees what is beyond. */

			assert_non_null(exact);
			memcpy(exact, p.data, len);
			assert_int_equal(
					echo_read(family, exact, len, &from, &heard), ECHO_NOTHING);
			for (unsigned int b = 0; b < 256 && len > 0; b++) {
				exact[b % len] = (uint8_t)b;
				(void)echo_read(family, exact, len, &from, &heard);
			}
			free(exact);
		}
	}
}

static void
test_only_what_was_asked_counts_once(void **state)
{
	struct pending *p = pending_create(UINT32_MAX - 1); /* Numbers wrap. */
	struct ip_addr them = host(IP_V4), other = host(IP_V6);
	struct echo_heard heard = { .addr = them, .cookie = COOKIE };
	struct pending_echo *e, found;

	(void)state;
	assert_non_null(p);
	for (uint32_t i = 0; i < 4; i++) {
		e = pending_next(p, COOKIE);
		assert_int_equal(e->number, UINT32_MAX - 1 + i);
		e->client = 1;
		e->id = 100 + i;
		e->addr = them;
	}
	heard.number = 0; /* The third. */
	heard.cookie++;
	assert_false(pending_take(p, ECHO_REPLY, &heard, &found));
	heard.cookie--;
	heard.addr = other;
	assert_false(pending_take(p, ECHO_REPLY, &heard, &found));
	heard.addr = them;
	assert_false(pending_take(p, ECHO_NOTHING, &heard, &found));
	assert_true(pending_take(p, ECHO_REPLY, &heard, &found));
	assert_int_equal(found.id, 102);
	assert_false(pending_take(p, ECHO_REPLY, &heard, &found));
	heard.number = 1;
	heard.cookie++; /* Who knows the number, but has not seen the request. */
	assert_false(pending_take(p, ECHO_UNREACHABLE, &heard, &found));
	heard.cookie--;
	assert_true(pending_take(p, ECHO_UNREACHABLE, &heard, &found));
	heard.number = 1 + PENDING_MAX; /* The same place. */
	assert_false(pending_take(p, ECHO_REPLY, &heard, &found));
	pending_destroy(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_request_is_as_the_rfc_says),
		cmocka_unit_test(test_what_comes_back_is_known_by_its_bytes),
		cmocka_unit_test(test_what_is_cut_short_or_changed_is_never_read_beyond),
		cmocka_unit_test(test_only_what_was_asked_counts_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
