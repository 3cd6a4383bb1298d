/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/daemon/http.h"
#include "controlplane/daemon/json_text.h"

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/** Percent-decode in place. @return false: malformed, or a NUL. */
static bool
decode(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		int high, low;

		if (*from != '%') {
			*to++ = *from;
			continue;
		}
		high = hex_digit(from[1]);
		low = high >= 0 ? hex_digit(from[2]) : -1;
		if (low < 0 || (high == 0 && low == 0))
			return false;
		*to++ = (char)(high << 4 | low);
		from += 2;
	}
	*to = '\0';
	return true;
}

static bool
malformed(struct request *r, const char *what)
{
	request_fail(r, 400, &(struct api_error){ .code = "bad_request" }, "%s", what);
	return false;
}

bool
request_set_path(struct request *r, const char *url)
{
	char *rest, *segment;

	r->path = strdup(url);
	if (r->path == NULL)
		return malformed(r, "out of memory");
	rest = r->path;
	while ((segment = strsep(&rest, "/")) != NULL) {
		/* Slashes in front, at the end and doubled make empty segments. */
		if (*segment == '\0')
			continue;
		if (!decode(segment))
			return malformed(r, "the path is not encoded rightly");
		if (r->nb_segments == REQUEST_MAX_SEGMENTS) {
			r->nb_segments = 0; /* Longer than any that exists: not found. */
			return true;
		}
		r->segments[r->nb_segments++] = segment;
	}
	return true;
}

bool
request_add_param(struct request *r, const char *name, const char *value)
{
	struct request_param *param;

	if (r->nb_params == REQUEST_MAX_PARAMS)
		return malformed(r, "too many parameters");
	param = &r->params[r->nb_params];
	param->name = strdup(name);
	param->value = strdup(value != NULL ? value : "");
	r->nb_params++;
	if (param->name == NULL || param->value == NULL)
		return malformed(r, "out of memory");
	if (!decode(param->name) || !decode(param->value))
		return malformed(r, "a parameter is not encoded rightly");
	return true;
}

void
request_clear(struct request *r)
{
	for (unsigned int i = 0; i < r->nb_params; i++) {
		free(r->params[i].name);
		free(r->params[i].value);
	}
	free(r->path);
	free(r->body);
	free(r->reply);
}

const char *
request_param(const struct request *r, const char *name)
{
	for (unsigned int i = 0; i < r->nb_params; i++) {
		if (strcmp(r->params[i].name, name) == 0)
			return r->params[i].value;
	}
	return NULL;
}

bool
request_param_bool(struct request *r, const char *name, bool *out)
{
	const char *value = request_param(r, name);

	*out = value != NULL && strcmp(value, "true") == 0;
	if (value == NULL || *out || strcmp(value, "false") == 0)
		return true;
	request_fail(r, 400, &(struct api_error){ .code = "bad_request", .path = name },
			"parameter %s: \"%.40s\" is not true or false", name, value);
	return false;
}

bool
request_param_number(struct request *r, const char *name, uint64_t min, uint64_t max, uint64_t *out)
{
	const char *value = request_param(r, name);
	unsigned long long n;

	if (value == NULL)
		return true;
	errno = 0;
	n = strtoull(value, NULL, 10);
	if (value[0] == '\0' || value[strspn(value, "0123456789")] != '\0' || errno != 0 ||
			n < min || n > max) {
		request_fail(r, 400, &(struct api_error){ .code = "bad_request", .path = name },
				"parameter %s: \"%.40s\" is not in %" PRIu64 "..%" PRIu64, name,
				value, min, max);
		return false;
	}
	*out = n;
	return true;
}

void
request_reply_text(struct request *r, unsigned int status, char *text, const char *type)
{
	static const char no_memory[] =
			"{\"error\":{\"code\":\"internal\",\"message\":\"out of memory\"}}\n";

	if (text == NULL) {
		status = 500;
		type = "application/json";
		text = strdup(no_memory);
	}
	r->status = status;
	r->reply = text;
	r->reply_len = text != NULL ? strlen(text) : 0;
	r->reply_type = type;
	r->replied = true;
	http_wake(r);
}

void
request_reply_stream(struct request *r, const struct request_stream *stream, const char *type)
{
	r->status = 200;
	r->stream = *stream;
	r->reply_type = type;
	r->replied = true;
	http_wake(r);
}

void
request_reply(struct request *r, unsigned int status, json_t *json)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out;

	if (json != NULL && (out = open_memstream(&text, &size)) != NULL) {
		bool good = json_dumpf(json, out, JSON_COMPACT | JSON_REAL_PRECISION(9)) == 0 &&
				fputc('\n', out) != EOF;

		if (fclose(out) != 0 || !good) {
			free(text);
			text = NULL;
		}
	}
	json_decref(json);
	request_reply_text(r, status, text, "application/json");
}

void
request_fail(struct request *r, unsigned int status, const struct api_error *error,
		const char *format, ...)
{
	char message[1024];
	json_t *json;
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	json = json_pack("{s:s, s:o, s:o, s:s}", "code", error->code, "message", json_text(message),
			"path", json_text(error->path != NULL ? error->path : ""), "hint",
			error->hint != NULL ? error->hint : "");
	if (error->details != NULL)
		json_object_set_new(json, "details", error->details);
	request_reply(r, status, json_pack("{s:o}", "error", json));
	if (r->failed != NULL)
		r->failed(r, error->code, message);
}
