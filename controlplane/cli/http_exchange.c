/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sending stops when an answer comes: a refusal does not wait for the body that it refuses.
 */
#include "http_exchange.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <http_parser.h>

#define PART_SIZE 65536

struct state {
	const struct http_exchange *exchange;
	int fd;
	double until_s;
	http_parser parser;
	bool complete;
	bool enough;
};

static double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* @return what is possible now; 0: time is over. */
static short
wait_for(const struct state *s, short events)
{
	struct pollfd fd = { .fd = s->fd, .events = events };
	double left_s;

	while ((left_s = s->until_s - now_s()) > 0) {
		int ret = poll(&fd, 1, (int)(left_s * 1e3) + 1);

		if (ret > 0)
			return fd.revents;
		if (ret < 0 && errno != EINTR)
			return POLLERR;
	}
	return 0;
}

static int
on_body(http_parser *parser, const char *data, size_t len)
{
	struct state *s = parser->data;

	s->enough = !s->exchange->receive(
			s->exchange->context, (int)parser->status_code, data, len);
	return s->enough;
}

static int
on_complete(http_parser *parser)
{
	struct state *s = parser->data;

	s->complete = parser->status_code >= 200; /* Not those that another follows. */
	return 0;
}

static const http_parser_settings settings = {
	.on_body = on_body,
	.on_message_complete = on_complete,
};

/* A Unix socket connects at once, or waits for room in the queue of the listener. @return 0 or -1. */
static int
open_connection(struct state *s)
{
	const double patience_s = s->exchange->patience_s;
	const struct timeval patience = { .tv_sec = (time_t)patience_s,
		.tv_usec = (suseconds_t)((patience_s - (double)(time_t)patience_s) * 1e6) };
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	strncpy(address.sun_path, s->exchange->socket, sizeof(address.sun_path) - 1);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return -1;
	setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return connect(s->fd, (const struct sockaddr *)&address, sizeof(address));
}

/* @return false: time is over. An answer, or an end, that comes meanwhile is left to receive_all(). */
static bool
send_all(const struct state *s, const char *data, size_t len)
{
	while (len > 0) {
		short events = wait_for(s, POLLIN | POLLOUT);
		ssize_t sent;

		if (events == 0)
			return false;
		if (events & (POLLIN | POLLERR | POLLHUP))
			return true;
		sent = send(s->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return true;
		data += sent > 0 ? sent : 0;
		len -= sent > 0 ? (size_t)sent : 0;
	}
	return true;
}

/* @return NULL: out of memory. */
static char *
make_head(const struct http_exchange *e)
{
	char content[256] = "", *head;

	if (e->body != NULL)
		snprintf(content, sizeof(content), "Content-Type: %s\r\nContent-Length: %zu\r\n",
				e->content_type, e->body_len);
	if (asprintf(&head, "%s %s HTTP/1.1\r\nHost: localhost\r\nAccept: %s\r\nConnection: close\r\n%s\r\n",
			    e->method, e->path, e->accept, content) < 0)
		return NULL;
	return head;
}

static bool
send_request(const struct state *s)
{
	const struct http_exchange *e = s->exchange;
	char *head = make_head(e);
	bool sent = head != NULL && send_all(s, head, strlen(head)) &&
			(e->body == NULL || send_all(s, e->body, e->body_len));

	free(head);
	return sent;
}

static enum http_result
receive_all(struct state *s, const char **why)
{
	char part[PART_SIZE];

	while (!s->complete) {
		ssize_t len;

		if (s->exchange->endless)
			s->until_s = now_s() + s->exchange->patience_s;
		if (wait_for(s, POLLIN) == 0)
			return HTTP_SILENT;
		len = recv(s->fd, part, sizeof(part), 0);
		if (len < 0 && errno == EINTR)
			continue;
		*why = len < 0 ? strerror(errno) : "the connection has ended";
		http_parser_execute(&s->parser, &settings, part, len > 0 ? (size_t)len : 0);
		if (s->enough)
			return HTTP_ANSWERED;
		if (HTTP_PARSER_ERRNO(&s->parser) != HPE_OK) {
			if (len > 0)
				*why = http_errno_description(HTTP_PARSER_ERRNO(&s->parser));
			return HTTP_BROKEN;
		}
		if (len <= 0 && !s->complete)
			return HTTP_BROKEN;
	}
	return HTTP_ANSWERED;
}

enum http_result
http_exchange(const struct http_exchange *exchange, int *status, const char **why)
{
	struct state s = { .exchange = exchange, .until_s = now_s() + exchange->patience_s };
	enum http_result result = HTTP_SILENT;
	int error = 0;

	*status = 0;
	http_parser_init(&s.parser, HTTP_RESPONSE);
	s.parser.data = &s;
	if (open_connection(&s) != 0) {
		error = errno;
		result = error == EAGAIN || error == EINPROGRESS ? HTTP_SILENT : HTTP_NO_CONNECTION;
	} else if (send_request(&s)) {
		result = receive_all(&s, why);
		*status = (int)s.parser.status_code;
	}
	if (s.fd >= 0)
		close(s.fd);
	errno = error;
	return result;
}
