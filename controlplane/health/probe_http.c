/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * libcurl's multi interface on the loop: it says which sockets to watch and when to wake
 * it (CURLMOPT_SOCKETFUNCTION, CURLMOPT_TIMERFUNCTION). The address is always the check's,
 * whatever the Host header says (CURLOPT_CONNECT_TO), so nothing is ever resolved.
 */
#include <errno.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/health/probe_private.h"
#include "controlplane/health/trust.h"

/** Idle connections of a shard that are kept for checks with keep-alive. */
#define MAX_CONNECTIONS 256L

/** A check's transfer. */
struct http_request {
	struct http_shard *shard;
	CURL *easy;
	struct curl_slist *headers;
	struct curl_slist *connect_to;
	char error[CURL_ERROR_SIZE]; /* Of the last transfer, in libcurl's words. */
};

/* Ends. */

static void
finish_answer(struct probe *probe, long status)
{
	const struct check_text *expect = &probe->check->exchange->texts[TEXT_EXPECT];

	if (!probe_tls_lasts(probe))
		return;
	if (!status_set_has(&probe->check->exchange->statuses, status))
		probe_finish(probe, PROBE_BAD,
				status >= 500 ? "the status says that the server fails (5xx)"
						: status >= 400
						? "the status says that the request is wrong (4xx)"
						: "the status is not the expected one");
	else if (expect->len > 0 &&
			memmem(probe->answer, probe->answer_len, expect->bytes, expect->len) ==
					NULL)
		probe_finish(probe, PROBE_BAD, "the body does not hold the expected text");
	else
		probe_finish(probe, PROBE_GOOD, "");
}

/** A handshake has failed. Of OpenSSL's error libcurl keeps the text, in which its number is. */
static void
finish_refused(struct probe *probe, long system_error)
{
	const struct http_request *request = probe->request;
	const char *text = strstr(request->error, "error:");
	unsigned long error = text != NULL ? strtoul(text + 6, NULL, 16) : 0;

	if (error != 0 || probe->peer.verify_error != X509_V_OK)
		probe_finish(probe, PROBE_BAD, tls_why(error, &probe->peer));
	else if (system_error != 0)
		probe_finish_error(probe, (int)system_error);
	else
		probe_finish(probe, PROBE_BAD, "closed within the TLS handshake");
}

static void
finish_failed(struct probe *probe, CURL *easy, CURLcode code)
{
	long error = 0;

	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &error);
	switch (code) {
	case CURLE_COULDNT_CONNECT:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		if (error != 0)
			probe_finish_error(probe, (int)error);
		else
			probe_finish(probe, PROBE_BAD, "the connection broke");
		return;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CLIENTCERT:
	case CURLE_PEER_FAILED_VERIFICATION:
		finish_refused(probe, error);
		return;
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
		probe_finish(probe, PROBE_BAD, "closed without a whole answer");
		return;
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL:
		probe_finish(probe, PROBE_BAD, "the answer is not HTTP");
		return;
	case CURLE_OUT_OF_MEMORY:
		probe_finish(probe, PROBE_TROUBLE, "out of memory");
		return;
	case CURLE_INTERFACE_FAILED:
		probe_finish(probe, PROBE_TROUBLE, "the source address is missing");
		return;
	default:
		probe_finish(probe, PROBE_BAD, "the HTTP exchange failed");
		return;
	}
}

/** Look which transfers have ended. */
static void
reap(struct http_shard *shard)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(shard->multi, &left)) != NULL) {
		CURL *easy = msg->easy_handle;
		CURLcode code = msg->data.result;
		struct probe *probe = NULL;
		long status = 0;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&probe);
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		if (code == CURLE_OK)
			finish_answer(probe, status);
		else
			finish_failed(probe, easy, code);
	}
}

/* The loop. */

static void
on_socket(struct ev_loop *loop, ev_io *w, int events)
{
	struct http_shard *shard = w->data;
	int running, what = 0;

	(void)loop;
	if ((events & EV_READ) != 0)
		what |= CURL_CSELECT_IN;
	if ((events & EV_WRITE) != 0)
		what |= CURL_CSELECT_OUT;
	curl_multi_socket_action(shard->multi, w->fd, what, &running);
	reap(shard);
}

static void
on_timeout(struct ev_loop *loop, ev_timer *w, int events)
{
	struct http_shard *shard = w->data;
	int running;

	(void)loop;
	(void)events;
	curl_multi_socket_action(shard->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	reap(shard);
}

static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *socket)
{
	struct http_shard *shard = context;
	ev_io *io = socket;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (io != NULL)
			ev_io_stop(shard->loop, io);
		free(io);
		return 0;
	}
	if (io == NULL) {
		io = malloc(sizeof(*io));
		if (io == NULL)
			return -1;
		ev_io_init(io, on_socket, fd, 0);
		ev_set_priority(io, 1);
		io->data = shard;
		curl_multi_assign(shard->multi, fd, io);
	}
	if ((what & CURL_POLL_IN) != 0)
		events |= EV_READ;
	if ((what & CURL_POLL_OUT) != 0)
		events |= EV_WRITE;
	ev_io_stop(shard->loop, io);
	ev_io_set(io, fd, events);
	ev_io_start(shard->loop, io);
	return 0;
}

static int
watch_timer(CURLM *multi, long after_ms, void *context)
{
	struct http_shard *shard = context;

	(void)multi;
	ev_timer_stop(shard->loop, &shard->timer);
	if (after_ms >= 0) {
		ev_timer_set(&shard->timer, (double)after_ms / 1e3, 0.);
		ev_timer_start(shard->loop, &shard->timer);
	}
	return 0;
}

/** @return NULL: out of memory. */
static struct http_shard *
take_shard(struct probe_env *env)
{
	struct http_shard *shard = &env->shards[env->next_shard++ % PROBE_HTTP_SHARDS];

	if (shard->multi != NULL)
		return shard;
	shard->multi = curl_multi_init();
	if (shard->multi == NULL)
		return NULL;
	shard->loop = env->loop;
	ev_timer_init(&shard->timer, on_timeout, 0., 0.);
	shard->timer.data = shard;
	curl_multi_setopt(shard->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(shard->multi, CURLMOPT_SOCKETDATA, shard);
	curl_multi_setopt(shard->multi, CURLMOPT_TIMERFUNCTION, watch_timer);
	curl_multi_setopt(shard->multi, CURLMOPT_TIMERDATA, shard);
	curl_multi_setopt(shard->multi, CURLMOPT_MAXCONNECTS, MAX_CONNECTIONS);
	return shard;
}

int
probe_http_init(struct probe_env *env)
{
	(void)env;
	/* Once a process; libcurl counts. The main thread is alone when it makes the checker. */
	return curl_global_init(CURL_GLOBAL_DEFAULT) == 0 ? 0 : -ENOMEM;
}

void
probe_http_fini(struct probe_env *env)
{
	for (unsigned int i = 0; i < PROBE_HTTP_SHARDS; i++) {
		struct http_shard *shard = &env->shards[i];

		if (shard->multi == NULL)
			continue;
		curl_multi_cleanup(shard->multi);
		ev_timer_stop(shard->loop, &shard->timer);
	}
	curl_global_cleanup();
}

/** A number of 1…65535 that no other check of the shard has, or one that was taken long ago. */
static unsigned int
take_number(struct http_shard *shard)
{
	shard->last_number = shard->last_number % UINT16_MAX + 1;
	return shard->last_number;
}

/* One transfer. */

static size_t
on_body(char *data, size_t size, size_t nb, void *context)
{
	struct probe *probe = context;
	size_t len = size * nb, room = PROBE_ANSWER_MAX - probe->answer_len;

	if (probe->answer != NULL) {
		memcpy(probe->answer + probe->answer_len, data, len < room ? len : room);
		probe->answer_len += (uint32_t)(len < room ? len : room);
	}
	return len;
}

/** "[2001:db8::1]" or "192.0.2.1". */
static const char *
url_host(const struct ip_addr *addr, char *buf, size_t size)
{
	char text[IP_ADDR_STRLEN];

	ip_addr_format(addr, text);
	snprintf(buf, size, addr->family == IP_V6 ? "[%s]" : "%s", text);
	return buf;
}

/** "Host: pay.example", as given, or else the address. */
static struct curl_slist *
host_header(const struct check *check, const char *address)
{
	const struct check_text *name = &check->exchange->texts[TEXT_HOST];
	uint16_t usual = check->type == CHECK_HTTPS ? 443 : 80;
	char header[EXCHANGE_TEXT_MAX + 8];

	if (name->len > 0)
		snprintf(header, sizeof(header), "Host: %.*s", name->len, name->bytes);
	else if (check->l4_port == usual)
		snprintf(header, sizeof(header), "Host: %s", address);
	else
		snprintf(header, sizeof(header), "Host: %s:%u", address, check->l4_port);
	return curl_slist_append(NULL, header);
}

/** Host first, then those of the check. @return false: out of memory. */
static bool
set_headers(struct http_request *request, const struct check *check, const char *address)
{
	const struct check_text *lines = &check->exchange->texts[TEXT_HEADERS];

	request->headers = host_header(check, address);
	for (size_t at = 0; at < lines->len; at += strlen(lines->bytes + at) + 1) {
		if (request->headers == NULL ||
				curl_slist_append(request->headers, lines->bytes + at) == NULL)
			return false;
	}
	return request->headers != NULL;
}

/*
 * The name in the URL is what libcurl sends by SNI, and libcurl uses a connection again for
 * the same URL's name and port. So the port in the URL is a number of this check alone; where
 * to connect is said by CONNECT_TO, and the Host header is given.
 */
static bool
set_target(struct http_request *request, const struct check *check)
{
	const struct exchange *exchange = check->exchange;
	const struct check_text *path = &exchange->texts[TEXT_PATH];
	const struct check_text *name = &exchange->texts[TEXT_SERVER_NAME];
	char host[IP_ADDR_STRLEN + 2], to[IP_ADDR_STRLEN + 16], source[IP_ADDR_STRLEN + 8];
	char url[2 * EXCHANGE_TEXT_MAX + IP_ADDR_STRLEN + 32], text[IP_ADDR_STRLEN];
	int len;

	url_host(&check->addr, host, sizeof(host));
	len = snprintf(url, sizeof(url), "%s://%.*s:%u", check_type_name(check->type),
			name->len > 0 ? name->len : (int)strlen(host),
			name->len > 0 ? name->bytes : host, take_number(request->shard));
	snprintf(url + len, sizeof(url) - (size_t)len, "%.*s", path->len > 0 ? path->len : 1,
			path->len > 0 ? path->bytes : "/");
	snprintf(to, sizeof(to), "::%s:%u", host, check->l4_port);
	request->connect_to = curl_slist_append(NULL, to);
	if (request->connect_to == NULL || !set_headers(request, check, host))
		return false;
	if (check->source.family != IP_NONE) {
		snprintf(source, sizeof(source), "host!%s", ip_addr_format(&check->source, text));
		curl_easy_setopt(request->easy, CURLOPT_INTERFACE, source);
	}
	return curl_easy_setopt(request->easy, CURLOPT_URL, url) == CURLE_OK;
}

/** libcurl lends out the context of a connection: verify as all checks by TLS do. */
static CURLcode
on_tls_context(CURL *easy, void *context, void *data)
{
	struct probe *probe = data;

	(void)easy;
	probe->connected = true; /* Libcurl's times tell it only after the handshake. */
	tls_context_init(context, trust_store(probe->check->exchange->trust), &probe->peer);
	return tls_name_set(SSL_CTX_get0_param(context), probe->check) ? CURLE_OK
								       : CURLE_OUT_OF_MEMORY;
}

/** Nothing of what libcurl verifies by itself: see on_tls_context(). */
static void
set_tls_options(CURL *easy, struct probe *probe)
{
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_tls_context);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, probe);
}

static void
set_options(struct http_request *request, struct probe *probe)
{
	const struct exchange *exchange = probe->check->exchange;
	const struct check_text *verb = &exchange->texts[TEXT_METHOD];
	char method[EXCHANGE_TEXT_MAX + 1];
	CURL *easy = request->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, probe);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->error);
	if (probe->check->type == CHECK_HTTPS)
		set_tls_options(easy, probe);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)PROBE_ANSWER_MAX);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, probe);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
	curl_easy_setopt(easy, CURLOPT_CONNECT_TO, request->connect_to);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "guideway-check");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, exchange->keep_alive ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, exchange->keep_alive ? 0L : 1L);
	if (verb->len == 0)
		return;
	snprintf(method, sizeof(method), "%.*s", verb->len, verb->bytes);
	if (strcmp(method, "HEAD") == 0)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	else
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

static void
request_free(struct http_request *request)
{
	if (request->easy != NULL)
		curl_easy_cleanup(request->easy);
	curl_slist_free_all(request->headers);
	curl_slist_free_all(request->connect_to);
	free(request);
}

static struct http_request *
request_create(struct probe *probe)
{
	struct http_request *request = calloc(1, sizeof(*request));

	if (request == NULL)
		return NULL;
	request->shard = take_shard(probe->env);
	request->easy = curl_easy_init();
	if (request->shard == NULL || request->easy == NULL || !set_target(request, probe->check)) {
		request_free(request);
		return NULL;
	}
	set_options(request, probe);
	return request;
}

void
probe_http_start(struct probe *probe)
{
	struct http_request *request = probe->request;

	if (probe->check->type == CHECK_HTTPS && !probe_tls_prepare(probe))
		return;
	if (request == NULL)
		request = request_create(probe);
	probe->request = request;
	if (probe->check->exchange->texts[TEXT_EXPECT].len > 0)
		probe->answer = malloc(PROBE_ANSWER_MAX);
	if (request == NULL ||
			(probe->check->exchange->texts[TEXT_EXPECT].len > 0 &&
					probe->answer == NULL)) {
		probe_finish(probe, PROBE_TROUBLE, "out of memory");
		return;
	}
	request->error[0] = '\0';
	if (curl_multi_add_handle(request->shard->multi, request->easy) != CURLM_OK) {
		probe_finish(probe, PROBE_TROUBLE, "libcurl refuses the transfer");
		return;
	}
}

const char *
probe_http_stop(struct probe *probe)
{
	struct http_request *request = probe->request;
	curl_off_t connected_us = 0, shaken_us = 0;
	const char *where = "no answer to the connection attempt";

	free(probe->answer);
	probe->answer = NULL;
	probe->answer_len = 0;
	if (request == NULL)
		return "not begun";
	curl_easy_getinfo(request->easy, CURLINFO_CONNECT_TIME_T, &connected_us);
	curl_easy_getinfo(request->easy, CURLINFO_APPCONNECT_TIME_T, &shaken_us);
	curl_multi_remove_handle(request->shard->multi, request->easy);
	if (probe->connected && shaken_us == 0)
		where = "connected, but the TLS handshake does not end";
	else if (connected_us > 0)
		where = "connected, but no whole answer comes";
	probe->connected = false;
	return where;
}

void
probe_http_release(struct probe *probe)
{
	request_free(probe->request);
	probe->request = NULL;
}
