/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An answer to a check by HTTP, from anybody: nothing is read or written where it must not be,
 * and it comes to the same whether it arrives in one piece or in two.
 *
 * Input: one byte (bit 0: to HEAD; bit 1: closed at the end; the rest: where it is cut), then
 * the answer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#include "controlplane/health/http_answer.h"

static enum http_state
feed(struct http_answer *a, const uint8_t *data, size_t len)
{
	enum http_state state = HTTP_MORE;
	char *exact = malloc(len + 1);

	CHECK(exact != NULL);
	memcpy(exact, data, len);
	if (len > 0)
		state = http_answer_feed(a, exact, len);
	free(exact);
	return state;
}

static enum http_state
finish(struct http_answer *a, enum http_state state, bool closed)
{
	CHECK(a->body_len <= HTTP_BODY_LOOKED && a->body_len <= a->nb_body);
	CHECK(state != HTTP_WHOLE || (a->has_headers && a->status <= 999));
	if (state == HTTP_MORE && closed)
		return http_answer_feed(a, "", 0);
	return state;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char bodies[2][HTTP_BODY_LOOKED];
	struct http_answer one, two;
	enum http_state of_one, of_two;
	bool is_head, closed;
	size_t cut;

	if (size < 1)
		return 0;
	is_head = (data[0] & 1) != 0;
	closed = (data[0] & 2) != 0;
	cut = (size_t)(data[0] >> 2) * (size - 1) / 63;
	http_answer_begin(&one, is_head, bodies[0]);
	of_one = finish(&one, feed(&one, data + 1, size - 1), closed);
	http_answer_begin(&two, is_head, bodies[1]);
	of_two = feed(&two, data + 1, cut);
	if (of_two == HTTP_MORE)
		of_two = feed(&two, data + 1 + cut, size - 1 - cut);
	of_two = finish(&two, of_two, closed);
	CHECK(of_one == of_two);
	if (of_one != HTTP_WHOLE)
		return 0;
	CHECK(one.status == two.status && one.body_len == two.body_len);
	CHECK(memcmp(bodies[0], bodies[1], one.body_len) == 0);
	return 0;
}

size_t
fuzz_seed(size_t index, uint8_t *data)
{
	static const char *const seeds[] = {
		"@HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"BHTTP/1.1 200 OK\r\nServer: x\r\n\r\nok",
		"`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nok\r\n0\r\nT: t\r\n\r\n",
		"pHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\nConnection: close\r\n\r\n",
		"AHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
		"@HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
		"@HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nmore",
	};

	return fuzz_seed_text(seeds, sizeof(seeds) / sizeof(seeds[0]), index, data);
}
