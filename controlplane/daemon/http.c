/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * libmicrohttpd calls on_access() for a request first when its headers are there, then
 * for each part of its body, then once more when it is whole. Refusals are decided at the
 * first call, but given at the last one, after the body was read and thrown away, so
 * that a client that is still sending sees the answer and not a reset; only a body that
 * is far over the limit is refused at once.
 */
#include "controlplane/daemon/http.h"

#include <ctype.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/daemon/listener.h"
#include "controlplane/daemon/log.h"

/** Memory for headers of one connection. */
#define CONNECTION_MEMORY 32768
/** Before it stops: the end of a stream takes some turns. */
#define LAST_RUNS 16
/** Of a stream, so much is asked for at a time. */
#define STREAM_BLOCK 16384
/** Of a body that is refused, so much is read before the refusal is given. */
#define DISCARD_MAX (2 * REQUEST_MAX_BODY)
/** RFC 9325: nothing below TLS 1.2, no CBC, no static RSA. */
#define TLS_PRIORITIES                                                     \
	"SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-AES-128-CBC:" \
	"-AES-256-CBC"
#define TLS_OPTIONS 5

struct http {
	struct http_conf conf;
	int listener;
	struct stat socket_stat; /* To unlink only what is ours. */
	struct MHD_Daemon *mhd;
	ev_io io;
	ev_timer timer;
	bool woken; /* A connection was resumed, perhaps within MHD_run(): another turn is due. */
};

/** A request under way; its first member, so that one leads to the other. */
struct http_connection {
	struct request request;
	struct http *http;
	struct MHD_Connection *mhd;
	bool suspended;
	size_t body_room;
	size_t nb_discarded; /* Bytes of a body that nobody will read. */
};

/* The loop. */

/** Ask for the next call: when a connection times out, or at once. */
static void
timer_update(struct http *http)
{
	unsigned MHD_LONG_LONG timeout_ms;

	ev_timer_stop(http->conf.loop, &http->timer);
	if (http->woken) /* MHD_get_timeout() does not think of resumed connections. */
		timeout_ms = 0;
	else if (MHD_get_timeout(http->mhd, &timeout_ms) != MHD_YES)
		return;
	ev_timer_set(&http->timer, (double)timeout_ms / 1000., 0.);
	ev_timer_start(http->conf.loop, &http->timer);
}

static void
run(struct http *http)
{
	http->woken = false;
	MHD_run(http->mhd);
	timer_update(http);
}

static void
on_io(struct ev_loop *loop, ev_io *w, int events)
{
	(void)loop;
	(void)events;
	run(w->data);
}

static void
on_timer(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	run(w->data);
}

void
http_wake(struct request *r)
{
	struct http_connection *c = r->connection;

	if (!c->suspended)
		return;
	c->suspended = false;
	MHD_resume_connection(c->mhd);
	c->http->woken = true;
	timer_update(c->http);
}

/* One request. */

/** With nothing to send the connection sleeps until http_wake(). */
static ssize_t
on_stream_read(void *context, uint64_t at, char *buf, size_t size)
{
	struct http_connection *c = context;
	ssize_t n = c->request.stream.read(c->request.stream.context, buf, size);

	(void)at;
	if (n < 0)
		return n == -1 ? MHD_CONTENT_READER_END_OF_STREAM
			       : MHD_CONTENT_READER_END_WITH_ERROR;
	if (n == 0) {
		c->suspended = true;
		MHD_suspend_connection(c->mhd);
	}
	return n;
}

static struct MHD_Response *
response_of(struct http_connection *c)
{
	struct request *r = &c->request;
	struct MHD_Response *response;

	if (r->stream.read != NULL)
		return MHD_create_response_from_callback(
				MHD_SIZE_UNKNOWN, STREAM_BLOCK, on_stream_read, c, NULL);
	response = MHD_create_response_from_buffer(r->reply_len, r->reply, MHD_RESPMEM_MUST_FREE);
	if (response != NULL)
		r->reply = NULL; /* Belongs to the response. */
	return response;
}

static enum MHD_Result
send_reply(struct http_connection *c)
{
	struct request *r = &c->request;
	struct MHD_Response *response = response_of(c);
	enum MHD_Result ret;

	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, r->reply_type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (r->etag[0] != '\0')
		MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, r->etag);
	if (r->status == 429)
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	if (r->allow[0] != '\0')
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, r->allow);
	ret = MHD_queue_response(c->mhd, r->status, response);
	MHD_destroy_response(response);
	return ret;
}

static enum MHD_Result
add_param(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct request *r = context;

	(void)kind;
	return request_add_param(r, name, value) ? MHD_YES : MHD_NO;
}

/** "Application/JSON; charset=utf-8" → "application/json". */
static void
set_content_type(struct request *r, const char *header)
{
	size_t len = header != NULL ? strcspn(header, "; \t") : 0;

	if (len >= sizeof(r->content_type))
		len = sizeof(r->content_type) - 1;
	for (size_t i = 0; i < len; i++)
		r->content_type[i] = (char)tolower((unsigned char)header[i]);
	r->content_type[len] = '\0';
}

/** What is no number of ours is none. */
static void
set_last_event_id(struct request *r, const char *header)
{
	size_t len = header != NULL ? strspn(header, "0123456789") : 0;

	if (len > 0 && len < sizeof(r->last_event_id) && header[len] == '\0')
		memcpy(r->last_event_id, header, len + 1);
}

/** What is no ETag of ours is kept as one that matches nothing. */
static void
set_if_match(struct request *r, const char *header)
{
	if (header != NULL)
		snprintf(r->if_match, sizeof(r->if_match), "%s", header);
}

static const char *
header(const struct http_connection *c, const char *name)
{
	return MHD_lookup_connection_value(c->mhd, MHD_HEADER_KIND, name);
}

/** How long the body says that it is; 0: it does not. */
static unsigned long long
announced_length(const struct http_connection *c)
{
	const char *length = header(c, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return length != NULL ? strtoull(length, NULL, 10) : 0;
}

static void
fail_too_large(struct request *r)
{
	request_fail(r, 413, &(struct api_error){ .code = "too_large" },
			"the body is larger than %u bytes", REQUEST_MAX_BODY);
}

/** @return false: nothing is known of who that is. */
static bool
identify(const struct http *http, struct MHD_Connection *mhd, struct peer *out)
{
	const union MHD_ConnectionInfo *info;
	const struct sockaddr *addr;

	if (http->conf.tls == NULL) {
		info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
		return info != NULL &&
				peer_identify(info->connect_fd, *http->conf.access, out) == 0;
	}
	info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (info == NULL || info->client_addr == NULL)
		return false;
	addr = info->client_addr;
	info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	if (info == NULL || info->tls_session == NULL)
		return false;
	peer_identify_client(http->conf.tls, info->tls_session, addr, *http->conf.access, out);
	return true;
}

/** The headers are here. */
static struct http_connection *
connection_begin(struct http *http, struct MHD_Connection *mhd, const char *url, const char *method)
{
	struct http_connection *c = calloc(1, sizeof(*c));
	struct request *r;
	const char *accept;

	if (c == NULL)
		return NULL;
	r = &c->request;
	c->http = http;
	c->mhd = mhd;
	r->connection = c;
	r->daemon = http->conf.daemon;
	if (!identify(http, mhd, &r->peer)) {
		free(c);
		return NULL;
	}
	snprintf(r->method, sizeof(r->method), "%s", method);
	set_content_type(r, header(c, MHD_HTTP_HEADER_CONTENT_TYPE));
	accept = header(c, MHD_HTTP_HEADER_ACCEPT);
	r->wants_yaml = accept != NULL && strstr(accept, "yaml") != NULL;
	r->wants_stream = accept != NULL && strstr(accept, "text/event-stream") != NULL;
	set_last_event_id(r, header(c, "Last-Event-ID"));
	set_if_match(r, header(c, MHD_HTTP_HEADER_IF_MATCH));
	if (!request_set_path(r, url))
		return c;
	MHD_get_connection_values(mhd, MHD_GET_ARGUMENT_KIND, add_param, r);
	if (!r->replied)
		http->conf.check(r);
	return c;
}

static bool
body_append(struct http_connection *c, const char *data, size_t len)
{
	struct request *r = &c->request;
	size_t needed = r->body_len + len + 1;

	if (needed > c->body_room) {
		size_t room = c->body_room * 2 > needed ? c->body_room * 2 : needed;
		char *more = realloc(r->body, room);

		if (more == NULL)
			return false;
		r->body = more;
		c->body_room = room;
	}
	memcpy(r->body + r->body_len, data, len);
	r->body_len += len;
	r->body[r->body_len] = '\0';
	return true;
}

/** @return MHD_NO: close the connection. */
static enum MHD_Result
take_body(struct http_connection *c, const char *data, size_t *len)
{
	struct request *r = &c->request;
	size_t n = *len;

	*len = 0;
	if (!r->replied && n > REQUEST_MAX_BODY - r->body_len)
		fail_too_large(r);
	if (r->replied) {
		c->nb_discarded += n;
		return c->nb_discarded > DISCARD_MAX ? MHD_NO : MHD_YES;
	}
	return body_append(c, data, n) ? MHD_YES : MHD_NO;
}

/* libmicrohttpd's type has so many parameters. NOLINTNEXTLINE(readability-function-size) */
static enum MHD_Result
on_access(void *context, struct MHD_Connection *mhd, const char *url, const char *method,
		const char *version, const char *data, size_t *len, void **state)
{
	struct http *http = context;
	struct http_connection *c = *state;

	(void)version;
	if (c == NULL) {
		c = connection_begin(http, mhd, url, method);
		*state = c;
		if (c == NULL)
			return MHD_NO;
		if (!c->request.replied && announced_length(c) > REQUEST_MAX_BODY)
			fail_too_large(&c->request);
		/* For strangers nothing is read. */
		return announced_length(c) > DISCARD_MAX || c->request.peer.role == ROLE_NONE
				? send_reply(c)
				: MHD_YES;
	}
	if (*len > 0)
		return take_body(c, data, len);
	if (!c->request.replied)
		http->conf.handle(&c->request);
	if (c->request.replied)
		return send_reply(c);
	c->suspended = true;
	MHD_suspend_connection(mhd);
	return MHD_YES;
}

static void
on_completed(void *context, struct MHD_Connection *mhd, void **state,
		enum MHD_RequestTerminationCode code)
{
	struct http_connection *c = *state;

	(void)context;
	(void)mhd;
	(void)code;
	if (c == NULL)
		return;
	if (c->request.stream.read != NULL)
		c->request.stream.end(c->request.stream.context);
	request_clear(&c->request);
	free(c);
	*state = NULL;
}

/** Segments are decoded after the path was split: leave it as it came. */
static size_t
keep_encoded(void *context, struct MHD_Connection *mhd, char *text)
{
	(void)context;
	(void)mhd;
	return strlen(text);
}

static void
on_log(void *context, const char *format, va_list args)
{
	char line[512];

	(void)context;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	vsnprintf(line, sizeof(line), format, args);
#pragma GCC diagnostic pop
	line[strcspn(line, "\n")] = '\0';
	log_line(LOG_DEBUG, "api: %s", line);
}

/* Life. */

static int
open_listener(const struct http_conf *conf, char *error, size_t error_size)
{
	if (conf->tls == NULL)
		return listener_open_unix(conf->path, conf->group, error, error_size);
	return listener_open_tcp((const struct sockaddr *)&conf->address->addr, conf->address->len,
			conf->address->text, error, error_size);
}

struct http *
http_create(const struct http_conf *conf, char *error, size_t error_size)
{
	struct http *http = calloc(1, sizeof(*http));

	if (http == NULL) {
		snprintf(error, error_size, "out of memory");
		return NULL;
	}
	http->conf = *conf;
	http->listener = open_listener(conf, error, error_size);
	if (http->listener < 0) {
		free(http);
		return NULL;
	}
	if (conf->tls == NULL && lstat(conf->path, &http->socket_stat) != 0)
		memset(&http->socket_stat, 0, sizeof(http->socket_stat));
	return http;
}

/** What TLS needs besides. @param options Room for TLS_OPTIONS; ends with MHD_OPTION_END. */
static void
tls_options(const struct http *http, struct MHD_OptionItem *options)
{
	unsigned int nb = 0;

	if (http->conf.tls != NULL) {
		options[nb++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_CERT_CALLBACK, 0,
			(void *)(uintptr_t)tls_server_retrieve };
		options[nb++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_TRUST, 0,
			(void *)(uintptr_t)tls_server_authorities(http->conf.tls) };
		options[nb++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_PRIORITIES, 0,
			(void *)(uintptr_t)TLS_PRIORITIES };
		options[nb++] = (struct MHD_OptionItem){ MHD_OPTION_PER_IP_CONNECTION_LIMIT,
			HTTP_MAX_CONNECTIONS_OF_ONE, NULL };
	}
	options[nb] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
}

int
http_start(struct http *http)
{
	const union MHD_DaemonInfo *info;
	struct MHD_OptionItem more[TLS_OPTIONS];
	unsigned int flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;

	tls_options(http, more);
	if (http->conf.tls != NULL)
		flags |= MHD_USE_TLS;
	http->mhd = MHD_start_daemon(flags, 0, NULL, NULL, on_access, http,
			MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET,
			http->listener, MHD_OPTION_CONNECTION_LIMIT,
			(unsigned int)HTTP_MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
			(unsigned int)HTTP_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
			(size_t)CONNECTION_MEMORY, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
			MHD_OPTION_UNESCAPE_CALLBACK, keep_encoded, NULL, MHD_OPTION_ARRAY, more,
			MHD_OPTION_END);
	if (http->mhd == NULL)
		return -ENOMEM;
	info = MHD_get_daemon_info(http->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	if (info == NULL)
		return -EIO;
	ev_io_init(&http->io, on_io, info->epoll_fd, EV_READ);
	ev_timer_init(&http->timer, on_timer, 0., 0.);
	http->io.data = http;
	http->timer.data = http;
	ev_io_start(http->conf.loop, &http->io);
	ev_timer_start(http->conf.loop, &http->timer);
	return 0;
}

void
http_destroy(struct http *http)
{
	struct stat now;

	if (http == NULL)
		return;
	if (http->mhd != NULL) {
		for (unsigned int i = 0; i < LAST_RUNS; i++) /* Send what was replied last. */
			MHD_run(http->mhd);
		ev_io_stop(http->conf.loop, &http->io);
		ev_timer_stop(http->conf.loop, &http->timer);
		MHD_stop_daemon(http->mhd); /* Closes the listener. */
	} else {
		close(http->listener);
	}
	if (http->conf.tls == NULL && lstat(http->conf.path, &now) == 0 &&
			now.st_ino == http->socket_stat.st_ino &&
			now.st_dev == http->socket_stat.st_dev)
		unlink(http->conf.path);
	free(http);
}
