/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A check has its request as bytes, and with keep-alive its connection, from attempt to attempt:
 * an attempt is then a send() and a recv(). While the connection rests the loop watches it: what comes
 * then, the server's end of it most likely, ends it, and the next attempt connects anew.
 *
 * A server may close a connection at the very moment in which we use it again. That says nothing
 * about the server: an attempt that hears nothing at all on a kept connection is made again
 * on a new one, within the same time.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "controlplane/health/http_answer.h"
#include "controlplane/health/http_request.h"
#include "controlplane/health/probe_private.h"

#define READ_SIZE 8192
/** Reads in one turn of the loop: a body without end holds up nobody. */
#define READS 4

/** What is kept from attempt to attempt. */
struct http_exchange {
	char *request;
	uint32_t request_len;
	uint32_t nb_sent;
	bool running;  /* Else the connection, if there is one, rests. */
	bool is_kept;  /* It has served an attempt before this one. */
	bool is_heard; /* Something has come in this attempt. */
	struct http_answer answer;
};

static bool
is_tls(const struct probe *probe)
{
	return probe->check->type == CHECK_HTTPS;
}

static void
close_connection(struct probe *probe)
{
	struct http_exchange *x = probe->http;

	probe_tls_close(probe);
	probe_socket_close(probe);
	if (x != NULL)
		x->is_kept = false;
}

/* Ends. */

static const char *
why_status(uint16_t status)
{
	if (status >= 500)
		return "the status says that the server fails (5xx)";
	return status >= 400 ? "the status says that the request is wrong (4xx)"
			     : "the status is not the expected one";
}

/** What speaks against the backend; NULL: nothing. */
static const char *
why_bad(const struct probe *probe)
{
	const struct exchange *exchange = probe->check->exchange;
	const struct check_text *expect = &exchange->texts[TEXT_EXPECT];
	const struct http_answer *answer = &probe->http->answer;
	const char *why = is_tls(probe) ? probe_tls_why_short(probe) : NULL;

	if (why != NULL)
		return why;
	if (!status_set_has(&exchange->statuses, answer->status))
		return why_status(answer->status);
	if (expect->len > 0 &&
			memmem(answer->body, answer->body_len, expect->bytes, expect->len) == NULL)
		return "the body does not hold the expected text";
	return NULL;
}

/** The answer is whole: the connection may serve the next attempt. */
static void
finish_answered(struct probe *probe)
{
	struct http_exchange *x = probe->http;
	const char *why = why_bad(probe);

	free(x->answer.body);
	x->answer.body = NULL;
	x->running = false;
	if (x->answer.keeps && probe->check->exchange->keep_alive != 0)
		x->is_kept = true;
	else
		close_connection(probe);
	probe->done(probe, why == NULL ? PROBE_GOOD : PROBE_BAD, why == NULL ? "" : why);
}

static void
connect_anew(struct probe *probe)
{
	if (!is_tls(probe) || probe_tls_prepare(probe))
		probe_socket_connect(probe);
}

/** The connection broke, or was closed. @param error 0: closed. */
static void
broken(struct probe *probe, int error)
{
	struct http_exchange *x = probe->http;

	if (x->is_kept && !x->is_heard) {
		close_connection(probe);
		x->nb_sent = 0;
		connect_anew(probe);
	} else if (error != 0) {
		probe_finish_error(probe, error);
	} else {
		probe_finish(probe, PROBE_BAD, "closed without a whole answer");
	}
}

/* Bytes, by TLS or not. Each returns what came or went; -EAGAIN; else negative: it is broken. */

/** Of an operation of TLS that has not gone through. */
static ssize_t
tls_result(struct probe *probe, int ret, int error)
{
	int kind = SSL_get_error(probe->tls, ret);

	ERR_clear_error();
	if (probe_tls_waits(probe, kind))
		return -EAGAIN;
	switch (kind) {
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		return error != 0 ? -error : 0;
	default:
		return -EPROTO;
	}
}

static ssize_t
receive(struct probe *probe, char *buf, size_t size)
{
	ssize_t n;
	int ret;

	errno = 0;
	if (probe->tls == NULL) {
		n = recv(probe->io.fd, buf, size, 0);
		return n >= 0 ? n : -errno;
	}
	ERR_clear_error();
	ret = SSL_read(probe->tls, buf, (int)size);
	return ret > 0 ? ret : tls_result(probe, ret, errno);
}

static ssize_t
transmit(struct probe *probe, const char *data, size_t len)
{
	ssize_t n;
	int ret;

	errno = 0;
	if (probe->tls == NULL) {
		n = send(probe->io.fd, data, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			probe_socket_wait(probe, EV_WRITE);
		return n >= 0 ? n : -errno;
	}
	ERR_clear_error();
	ret = SSL_write(probe->tls, data, (int)len);
	return ret > 0 ? ret : tls_result(probe, ret, errno);
}

/* The exchange. */

/** @return true: the request is out. */
static bool
send_request(struct probe *probe)
{
	struct http_exchange *x = probe->http;

	while (x->nb_sent < x->request_len) {
		ssize_t n = transmit(probe, x->request + x->nb_sent, x->request_len - x->nb_sent);

		if (n <= 0) {
			if (n != -EAGAIN)
				broken(probe, n == -EPROTO ? 0 : (int)-n);
			return false;
		}
		x->nb_sent += (uint32_t)n;
	}
	probe_socket_wait(probe, EV_READ);
	return true;
}

static void
read_answer(struct probe *probe)
{
	struct http_exchange *x = probe->http;
	enum http_state state = HTTP_MORE;
	char data[READ_SIZE];

	for (int i = 0; i < READS && state == HTTP_MORE; i++) {
		ssize_t n = receive(probe, data, sizeof(data));

		if (n == -EAGAIN)
			return;
		if (n < 0 || (n == 0 && !x->is_heard)) {
			broken(probe, n == -EPROTO ? 0 : (int)-n);
			return;
		}
		x->is_heard = true;
		state = http_answer_feed(&x->answer, data, (size_t)n);
		if (state == HTTP_BROKEN && n == 0) {
			broken(probe, 0);
			return;
		}
		/* Less than there was room for: there is no more now. Of TLS nobody knows. */
		if (probe->tls == NULL && n < (ssize_t)sizeof(data))
			break;
	}
	if (state == HTTP_BROKEN)
		probe_finish(probe, PROBE_BAD, "the answer is not HTTP");
	else if (state == HTTP_WHOLE)
		finish_answered(probe);
	else if (probe->tls != NULL && SSL_has_pending(probe->tls))
		ev_feed_event(probe->env->loop, &probe->io, EV_READ); /* No event will tell. */
}

/** While it rests. Only what TLS says to itself may come. */
static void
on_rest(struct probe *probe)
{
	char data[1];

	if (probe->tls == NULL || receive(probe, data, sizeof(data)) != -EAGAIN)
		close_connection(probe);
}

void
probe_http_on_io(struct probe *probe, int events)
{
	struct http_exchange *x = probe->http;

	(void)events;
	if (!x->running) {
		on_rest(probe);
		return;
	}
	if (!probe_socket_connected(probe))
		return;
	if (is_tls(probe) && !probe->shaken && !probe_tls_shake(probe))
		return;
	if (x->nb_sent < x->request_len) {
		send_request(probe);
		return;
	}
	read_answer(probe);
}

/** @return false: out of memory. */
static bool
exchange_begin(struct probe *probe)
{
	const struct check *check = probe->check;
	struct http_exchange *x = probe->http;
	char *body = NULL;

	if (x == NULL) {
		x = calloc(1, sizeof(*x));
		if (x == NULL)
			return false;
		x->request = http_request_make(check, &x->request_len);
		if (x->request == NULL) {
			free(x);
			return false;
		}
		probe->http = x;
	}
	if (check->exchange->texts[TEXT_EXPECT].len > 0) {
		body = malloc(HTTP_BODY_LOOKED);
		if (body == NULL)
			return false;
	}
	http_answer_begin(&x->answer, http_request_is_head(check), body);
	x->nb_sent = 0;
	x->is_heard = false;
	x->running = true;
	return true;
}

void
probe_http_start(struct probe *probe)
{
	if (!exchange_begin(probe))
		probe_finish(probe, PROBE_TROUBLE, "out of memory");
	else if (probe->connected)
		send_request(probe);
	else
		connect_anew(probe);
}

const char *
probe_http_stop(struct probe *probe)
{
	struct http_exchange *x = probe->http;
	const char *where = !probe->connected ? "no answer to the connection attempt"
			: is_tls(probe) && !probe->shaken
			? "connected, but the TLS handshake does not end"
			: "connected, but no whole answer comes";

	close_connection(probe);
	if (x != NULL) {
		free(x->answer.body);
		x->answer.body = NULL;
		x->running = false;
	}
	return where;
}

void
probe_http_release(struct probe *probe)
{
	struct http_exchange *x = probe->http;

	if (x == NULL)
		return;
	close_connection(probe);
	free(x->request);
	free(x);
	probe->http = NULL;
}
