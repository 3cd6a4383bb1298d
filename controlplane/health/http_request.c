/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/health/http_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool
is_method(const struct check *check, const char *name)
{
	const struct check_text *method = &check->exchange->texts[TEXT_METHOD];

	return method->len == strlen(name) && memcmp(method->bytes, name, method->len) == 0;
}

bool
http_request_is_head(const struct check *check)
{
	return is_method(check, "HEAD");
}

/** Those of which a server expects content, or to be told that there is none (RFC 9110, 8.6). */
static bool
has_content(const struct check *check)
{
	return is_method(check, "POST") || is_method(check, "PUT") || is_method(check, "PATCH");
}

static void
put_text(FILE *out, const struct check_text *text, const char *usual)
{
	if (text->len > 0)
		fwrite(text->bytes, 1, text->len, out);
	else
		fputs(usual, out);
}

/** The name that is configured, else the address, with the port if it is not the usual one. */
static void
put_host(FILE *out, const struct check *check)
{
	uint16_t usual = check->type == CHECK_HTTPS ? 443 : 80;
	char addr[IP_ADDR_STRLEN], host[IP_ADDR_STRLEN + 16];
	bool is_v6 = check->addr.family == IP_V6;
	int len = snprintf(host, sizeof(host), "%s%s%s", is_v6 ? "[" : "",
			ip_addr_format(&check->addr, addr), is_v6 ? "]" : "");

	if (check->l4_port != usual)
		snprintf(host + len, sizeof(host) - (size_t)len, ":%u", check->l4_port);
	fputs("Host: ", out);
	put_text(out, &check->exchange->texts[TEXT_HOST], host);
	fputs("\r\n", out);
}

/** A header "Name: value", unless one of that name is configured. */
static void
put_usual(FILE *out, const struct check_text *lines, const char *header)
{
	size_t name_len = strcspn(header, ":") + 1;

	for (size_t at = 0; at < lines->len; at += strlen(lines->bytes + at) + 1) {
		if (strncasecmp(lines->bytes + at, header, name_len) == 0)
			return;
	}
	fprintf(out, "%s\r\n", header);
}

static void
put_headers(FILE *out, const struct check *check)
{
	const struct check_text *lines = &check->exchange->texts[TEXT_HEADERS];

	put_usual(out, lines, "User-Agent: guideway-check");
	put_usual(out, lines, "Accept: */*");
	for (size_t at = 0; at < lines->len; at += strlen(lines->bytes + at) + 1)
		fprintf(out, "%s\r\n", lines->bytes + at);
	if (has_content(check))
		put_usual(out, lines, "Content-Length: 0");
	if (check->exchange->keep_alive == 0)
		put_usual(out, lines, "Connection: close");
}

char *
http_request_make(const struct check *check, uint32_t *len)
{
	const struct exchange *exchange = check->exchange;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	put_text(out, &exchange->texts[TEXT_METHOD], "GET");
	fputc(' ', out);
	put_text(out, &exchange->texts[TEXT_PATH], "/");
	fputs(" HTTP/1.1\r\n", out);
	put_host(out, check);
	put_headers(out, check);
	fputs("\r\n", out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	*len = (uint32_t)size;
	return text;
}
