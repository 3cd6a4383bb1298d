/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "controlplane/daemon/check_document.h"
#include "controlplane/daemon/check_draft.h"
#include "controlplane/health/trust.h"

/** RFC 7301: the length of a protocol's name is a byte; one more is needed by it. */
#define ALPN_MAX 254
#define NAME_MAX_LEN 253
#define MAX_MIN_DAYS 3650

void
check_read_server_name(struct reader *r, const struct node *node, void *out)
{
	struct check_text *name = &((struct draft *)out)->exchange.texts[TEXT_SERVER_NAME];
	struct ip_addr addr;

	check_read_visible(r, node,
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._", name);
	if (name->len > NAME_MAX_LEN)
		reader_complain(r, node, NULL, "is longer than a DNS name can be");
	else if (name->len > 0 && ip_addr_parse(node->text, &addr) == 0)
		reader_complain(r, node,
				"leave it out: then the certificate must be for the address",
				"is an address, not a name");
}

void
check_read_verify(struct reader *r, const struct node *node, void *out)
{
	int word = read_word(r, node, "false", "true");

	if (word >= 0)
		((struct draft *)out)->verify = word == 1;
}

void
check_read_ca_file(struct reader *r, const struct node *node, void *out)
{
	const char *text = read_text(r, node);

	if (text != NULL && text[0] != '/')
		reader_complain(r, node, NULL, "must be a path that begins with /");
	else
		((struct draft *)out)->ca_file = text;
}

void
check_read_alpn(struct reader *r, const struct node *node, void *out)
{
	struct check_text *alpn = &((struct draft *)out)->exchange.texts[TEXT_ALPN];

	check_read_visible(r, node, NULL, alpn);
	if (alpn->len > ALPN_MAX)
		reader_complain(r, node, NULL, "is longer than %d bytes", ALPN_MAX);
}

void
check_read_min_days(struct reader *r, const struct node *node, void *out)
{
	uint32_t days;

	if (read_integer(r, node, 0, MAX_MIN_DAYS, &days))
		((struct draft *)out)->exchange.min_days = (uint16_t)days;
}

struct check_text
check_host_name(const struct check_text *host)
{
	struct check_text name = *host;
	char text[EXCHANGE_TEXT_MAX + 1];
	const char *colon;
	struct ip_addr addr;

	if (host->len == 0)
		return name;
	colon = memchr(host->bytes, ':', host->len);
	if (colon != NULL)
		name.len = (uint16_t)(colon - host->bytes);
	memcpy(text, name.bytes, name.len);
	text[name.len] = '\0';
	if (name.len > NAME_MAX_LEN || text[0] == '[' || ip_addr_parse(text, &addr) == 0)
		name.len = 0;
	return name;
}

/** Complain about the key ca-file, or about its absence. */
static void
complain_trust(struct reader *r, const struct node *node, int error)
{
	const struct node *key = node_child_or_self(node, "ca-file");
	size_t saved;

	if (key == node) {
		reader_complain(r, node, "name a ca-file, or verify: false",
				"the system's file of authorities: %s", trust_error_text(error));
		return;
	}
	saved = reader_enter_key(r, "ca-file");
	if (error == 0)
		reader_complain(r, key, NULL, "nothing is verified with verify: false");
	else
		reader_complain(r, key, NULL, "%s: %s", key->text, trust_error_text(error));
	reader_leave(r, saved);
}

void
check_read_trust(struct reader *r, const struct node *node, struct draft *draft)
{
	struct check_text *name = &draft->exchange.texts[TEXT_SERVER_NAME];
	int error = 0;

	if (draft->check.type != CHECK_TLS && draft->check.type != CHECK_HTTPS)
		return;
	if (name->len == 0)
		*name = check_host_name(&draft->exchange.texts[TEXT_HOST]);
	if (!draft->verify) {
		draft->exchange.trust = trust_anybody();
		if (draft->ca_file != NULL)
			complain_trust(r, node, 0);
		return;
	}
	draft->exchange.trust = trust_load(draft->ca_file, &error);
	if (draft->exchange.trust == NULL && r->is_stored)
		draft->exchange.trust = trust_missing(draft->ca_file);
	if (draft->exchange.trust == NULL)
		complain_trust(r, node, error);
}
