/* SPDX-License-Identifier: BSD-3-Clause */
#include "client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "http_exchange.h"
#include "output.h"

/* Which exit code an error of the API means; doc/api.md has the same table. */
static const struct {
	const char *code;
	int exit;
} api_errors[] = {
	{ "bad_request", CLI_INVALID },
	{ "denied", CLI_DENIED },
	{ "not_found", CLI_NOT_FOUND },
	{ "no_such_service", CLI_NOT_FOUND },
	{ "no_such_backend", CLI_NOT_FOUND },
	{ "no_such_override", CLI_NOT_FOUND },
	{ "no_such_revision", CLI_NOT_FOUND },
	{ "method_not_allowed", CLI_USAGE },
	{ "already_exists", CLI_CONFLICT },
	{ "stale_revision", CLI_CONFLICT },
	{ "would_remove_all", CLI_CONFLICT },
	{ "too_disruptive", CLI_CONFLICT },
	{ "confirm_pending", CLI_CONFLICT },
	{ "nothing_to_confirm", CLI_CONFLICT },
	{ "no_routes", CLI_CONFLICT },
	{ "too_large", CLI_INVALID },
	{ "unsupported_media", CLI_INVALID },
	{ "invalid_config", CLI_INVALID },
	{ "bad_signature", CLI_INVALID },
	{ "refused", CLI_INVALID },
	{ "no_dataplane", CLI_CONNECT },
	{ "busy", CLI_TIMEOUT },
	{ "too_many_requests", CLI_TIMEOUT },
	{ "not_acknowledged", CLI_TIMEOUT },
};

/* The API names at most so many problems of a document. */
#define API_MAX_DETAILS 20

/* Bytes that grow. */
struct buffer {
	char *data;
	size_t len;
};

static void *
must(void *memory)
{
	if (memory == NULL) {
		fputs("guideway: out of memory\n", stderr);
		exit(CLI_UNHEALTHY);
	}
	return memory;
}

static void
buffer_add(struct buffer *b, const char *data, size_t len)
{
	b->data = must(realloc(b->data, b->len + len + 1));
	memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

static void
buffer_add_encoded(struct buffer *b, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~";
	char encoded[4];

	for (; *text != '\0'; text++) {
		snprintf(encoded, sizeof(encoded), strchr(plain, *text) != NULL ? "%c" : "%%%02X",
				(unsigned char)*text);
		buffer_add(b, encoded, strlen(encoded));
	}
}

char *
client_path(const char *pattern, ...)
{
	struct buffer b = { 0 };
	va_list args;

	va_start(args, pattern);
	for (; *pattern != '\0'; pattern++) {
		if (*pattern == '%')
			buffer_add_encoded(&b, va_arg(args, const char *));
		else
			buffer_add(&b, pattern, 1);
	}
	va_end(args);
	return b.data;
}

char *
client_path_query(char *path, const char *name, const char *value)
{
	struct buffer b = { .data = path, .len = strlen(path) };

	buffer_add(&b, strchr(path, '?') == NULL ? "?" : "&", 1);
	buffer_add(&b, name, strlen(name));
	buffer_add(&b, "=", 1);
	buffer_add_encoded(&b, value);
	return b.data;
}

int
client_error(const struct cli *cli, int code, const char *name, const char *message,
		const char *hint)
{
	json_t *error = NULL;

	if (cli->json) /* NULL: the message quotes what is no UTF-8. */
		error = json_pack("{s:{s:s, s:s, s:s, s:s}}", "error", "code", name, "message",
				message, "path", "", "hint", hint);
	if (error != NULL) {
		output_print(cli, error, stderr);
		json_decref(error);
		return code;
	}
	fprintf(stderr, "guideway: %s\n", message);
	if (hint[0] != '\0')
		fprintf(stderr, "hint: %s\n", hint);
	return code;
}

static int
exit_of(const char *code)
{
	for (size_t i = 0; i < sizeof(api_errors) / sizeof(api_errors[0]); i++)
		if (strcmp(api_errors[i].code, code) == 0)
			return api_errors[i].exit;
	return CLI_UNHEALTHY;
}

/* Where a refused field stood: in the document, or on the command line. */
static void
show_place(const struct cli *cli, int line, int column)
{
	if (cli->file == NULL) {
		fputs("guideway: ", stderr);
		return;
	}
	fprintf(stderr, "%s:", strcmp(cli->file, "-") != 0 ? cli->file : "stdin");
	if (line > 0)
		fprintf(stderr, "%d:%d:", line, column);
	fputc(' ', stderr);
}

/* Every problem has a line of its own. */
static void
show_details(const struct cli *cli, const json_t *details)
{
	size_t i;
	json_t *detail;

	json_array_foreach(details, i, detail)
	{
		const char *path = "", *message = "";
		int line = 0, column = 0;

		json_unpack(detail, "{s?i, s?i, s?s, s?s}", "line", &line, "column", &column,
				"path", &path, "message", &message);
		show_place(cli, line, column);
		fprintf(stderr, "%s%s%s\n", path, path[0] != '\0' ? ": " : "", message);
	}
	if (json_array_size(details) >= API_MAX_DETAILS)
		fprintf(stderr, "there may be more\n");
	if (cli->file != NULL)
		fprintf(stderr, "guideway: refused; the running configuration is unchanged\n");
}

/* An answer that is no success. @return the exit code. */
static int
show_error(const struct cli *cli, long status, const struct client_answer *answer)
{
	const char *code = "internal", *message = "the daemon's answer has no reason", *hint = "";
	json_t *details = NULL;

	if (answer->json != NULL)
		json_unpack(answer->json, "{s:{s?s, s?s, s?s, s?o}}", "error", "code", &code,
				"message", &message, "hint", &hint, "details", &details);
	if (cli->json && answer->json != NULL) {
		output_print(cli, answer->json, stderr);
	} else if (json_array_size(details) > 0) {
		show_details(cli, details);
		if (hint[0] != '\0')
			fprintf(stderr, "hint: %s\n", hint);
	} else {
		client_error(cli, 0, code, message, hint);
	}
	return status == 504 ? CLI_TIMEOUT : exit_of(code);
}

/*
 * Text from elsewhere (names of files and users, words of other programs) must not steer
 * the terminal or break a table: control characters become spaces. C1 control characters
 * are U+0080 to U+009F, C2 80 to C2 9F in UTF-8.
 */
static void
text_defuse(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c != '\0'; c++) {
		if (*c < ' ' || *c == 0x7f)
			*c = ' ';
		else if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
			c[0] = c[1] = ' ';
	}
}

/* Every string in it. Names of members are the API's own. */
static void
json_defuse(json_t *json)
{
	const char *name;
	size_t i;
	json_t *child;

	json_array_foreach(json, i, child) json_defuse(child);
	json_object_foreach(json, name, child) json_defuse(child);
	if (json_is_string(json)) {
		char *text = must(strdup(json_string_value(json)));

		text_defuse(text);
		json_string_set_nocheck(json, text);
		free(text);
	}
}

/* JSON writes control characters behind a backslash, but for DEL and those of C1 (first byte C2). */
static bool
may_steer(const char *text)
{
	return strpbrk(text, "\\\x7f\xc2") != NULL;
}

static bool
receive(void *context, int status, const char *data, size_t len)
{
	(void)status;
	buffer_add(context, data, len);
	return true;
}

/* No answer. @param why If it is broken. */
static int
connection_error(const struct cli *cli, enum http_result result, int os_errno, const char *why)
{
	char message[512];

	if (result == HTTP_SILENT) {
		snprintf(message, sizeof(message), "no answer from guidewayd at %s within %ld s",
				cli->socket, cli->timeout_s);
		return client_error(cli, CLI_TIMEOUT, "timeout", message,
				"--timeout SECONDS waits longer; a change may have been stored: "
				"see guideway status");
	}
	if (result == HTTP_BROKEN) {
		snprintf(message, sizeof(message), "no answer from guidewayd at %s: %s",
				cli->socket, why);
		return client_error(cli, CLI_CONNECT, "broken_off", message,
				"a change may have been stored: see guideway status");
	}
	snprintf(message, sizeof(message), "cannot connect to guidewayd at %s: %s", cli->socket,
			strerror(os_errno));
	if (os_errno == EACCES || os_errno == EPERM)
		return client_error(cli, CLI_DENIED, "denied", message,
				"root, the daemon's user and its group (--api-group) may open it");
	return client_error(cli, CLI_CONNECT, "cannot_connect", message,
			"is guidewayd running? --socket PATH or GUIDEWAY_SOCKET name another socket");
}

static int
check_socket(const struct cli *cli)
{
	const struct sockaddr_un *address = NULL;

	if (cli->socket[0] == '\0')
		return client_error(cli, CLI_USAGE, "usage", "the name of the socket is empty",
				"--socket PATH or GUIDEWAY_SOCKET name it");
	if (strlen(cli->socket) >= sizeof(address->sun_path))
		return client_error(cli, CLI_USAGE, "usage",
				"the name of the socket is too long for a Unix socket", "");
	return CLI_OK;
}

/* A stream that has said nothing for so long is dead: guidewayd says something every 10 s. */
#define SILENT_S 30

/* What both kinds of request have. Its answer goes to @p receive. */
static struct http_exchange
exchange_of(const struct cli *cli, const struct client_request *request)
{
	return (struct http_exchange){
		.socket = cli->socket,
		.method = request->method,
		.path = request->path,
		.accept = request->accept != NULL ? request->accept : "application/json",
		.body = request->body,
		.body_len = request->body_len,
		.content_type = request->content_type,
		.patience_s = (double)cli->timeout_s,
	};
}

/* @return CLI_OK: the answer is what was asked for. */
static int
check_answer(const struct cli *cli, const struct client_request *request, long status,
		struct client_answer *answer)
{
	int ret = CLI_OK;

	if (!cli->json && may_steer(answer->text))
		json_defuse(answer->json);
	if (status < 200 || status >= 300)
		ret = show_error(cli, status, answer);
	else if (request->accept == NULL && answer->json == NULL)
		ret = client_error(cli, CLI_UNHEALTHY, "bad_answer",
				"the daemon's answer is no JSON", "is it guidewayd's socket?");
	if (ret != CLI_OK)
		client_answer_free(answer);
	return ret;
}

int
client_ask(const struct cli *cli, const struct client_request *request,
		struct client_answer *answer)
{
	struct http_exchange exchange = exchange_of(cli, request);
	struct buffer received = { 0 };
	enum http_result result;
	const char *why = "";
	int status, ret = check_socket(cli);

	if (ret != CLI_OK)
		return ret;
	exchange.receive = receive;
	exchange.context = &received;
	result = http_exchange(&exchange, &status, &why);
	if (result != HTTP_ANSWERED) {
		int os_errno = errno;

		free(received.data);
		return connection_error(cli, result, os_errno, why);
	}
	buffer_add(&received, "", 0);
	answer->text = received.data;
	answer->json = json_loadb(received.data, received.len, 0, NULL);
	return check_answer(cli, request, status, answer);
}

/* Following. */

struct follow {
	const struct cli *cli;
	struct buffer received; /* The line under way; of an answer that is no stream: all of it. */
	void (*show)(const struct cli *cli, const json_t *event);
};

static void
take_line(const struct follow *f, const char *line)
{
	static const char mark[] = "data: ";
	json_t *event;

	if (strncmp(line, mark, strlen(mark)) != 0)
		return; /* Its id or kind, which the event holds too, or a sign of life. */
	event = json_loads(line + strlen(mark), 0, NULL);
	if (event == NULL)
		return;
	if (!f->cli->json)
		json_defuse(event);
	f->show(f->cli, event);
	json_decref(event);
}

static bool
receive_events(void *context, int status, const char *data, size_t len)
{
	struct follow *f = context;
	char *line, *end;

	buffer_add(&f->received, data, len);
	if (status != 200)
		return true;
	for (line = f->received.data; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		take_line(f, line);
	}
	f->received.len = strlen(line);
	memmove(f->received.data, line, f->received.len + 1);
	return !ferror(stdout);
}

int
client_follow(const struct cli *cli, const char *path,
		void (*show)(const struct cli *cli, const json_t *event))
{
	const struct client_request request = {
		.method = "GET", .path = path, .accept = "text/event-stream"
	};
	struct http_exchange exchange = exchange_of(cli, &request);
	struct follow f = { .cli = cli, .show = show };
	struct client_answer answer;
	enum http_result result;
	const char *why = "";
	int os_errno, status, ret = check_socket(cli);

	if (ret != CLI_OK)
		return ret;
	exchange.receive = receive_events;
	exchange.context = &f;
	exchange.endless = true;
	exchange.patience_s = SILENT_S;
	result = http_exchange(&exchange, &status, &why);
	os_errno = errno;
	if (result == HTTP_ANSWERED && status != 200) {
		buffer_add(&f.received, "", 0);
		answer.text = f.received.data;
		answer.json = json_loadb(f.received.data, f.received.len, 0, NULL);
		return check_answer(cli, &request, status, &answer);
	}
	free(f.received.data);
	if (result == HTTP_NO_CONNECTION)
		return connection_error(cli, result, os_errno, why);
	return client_error(cli, CLI_CONNECT, "broken_off", "guidewayd has ended the stream",
			"guideway status tells whether it runs");
}

void
client_answer_free(struct client_answer *answer)
{
	json_decref(answer->json);
	free(answer->text);
	answer->json = NULL;
	answer->text = NULL;
}
