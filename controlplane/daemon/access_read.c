/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/daemon/access.h"
#include "controlplane/daemon/fields.h"
#include "controlplane/daemon/file.h"
#include "controlplane/daemon/node.h"

#define MAX_RATE 100000

/** One entry of `unix` or `clients` while it is read. */
struct rule {
	bool by_first;	/* user, subject. */
	bool by_second; /* group, common-name. */
	uint32_t id;
	char name[ACCESS_SUBJECT_SIZE];
	enum role role;
};

static void
read_role(struct reader *r, const struct node *node, void *out)
{
	struct rule *rule = out;
	const char *text = read_text(r, node);

	if (text != NULL && role_parse(text, &rule->role) != 0)
		reader_complain(r, node, NULL, "\"%.40s\" is not viewer, operator or admin", text);
}

/** A number is an id without a name. @return false: it is none. */
static bool
parse_id(const char *text, uint32_t *out)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || n >= UINT32_MAX)
		return false;
	*out = (uint32_t)n;
	return true;
}

/** What has no name must be a number. @param text NULL: it was complained about already. */
static void
read_id(struct reader *r, const struct node *node, const char *text, const char *what,
		uint32_t *out)
{
	if (text != NULL && !parse_id(text, out))
		reader_complain(r, node, NULL, "there is no %s \"%.40s\"", what, text);
}

static void
read_user(struct reader *r, const struct node *node, void *out)
{
	struct rule *rule = out;
	const char *text = read_text(r, node);
	const struct passwd *entry = text != NULL ? getpwnam(text) : NULL;

	rule->by_first = true;
	if (entry != NULL)
		rule->id = entry->pw_uid;
	else
		read_id(r, node, text, "user", &rule->id);
}

static void
read_group(struct reader *r, const struct node *node, void *out)
{
	struct rule *rule = out;
	const char *text = read_text(r, node);
	const struct group *entry = text != NULL ? getgrnam(text) : NULL;

	rule->by_second = true;
	if (entry != NULL)
		rule->id = entry->gr_gid;
	else
		read_id(r, node, text, "group", &rule->id);
}

static void
read_name(struct reader *r, const struct node *node, struct rule *rule)
{
	const char *text = read_text(r, node);

	if (text == NULL)
		return;
	if (text[0] == '\0')
		reader_complain(r, node, NULL, "is empty");
	else if (strlen(text) >= sizeof(rule->name))
		reader_complain(r, node, NULL, "is longer than %zu bytes", sizeof(rule->name) - 1);
	else
		snprintf(rule->name, sizeof(rule->name), "%s", text);
}

static void
read_subject(struct reader *r, const struct node *node, void *out)
{
	((struct rule *)out)->by_first = true;
	read_name(r, node, out);
}

static void
read_common_name(struct reader *r, const struct node *node, void *out)
{
	((struct rule *)out)->by_second = true;
	read_name(r, node, out);
}

/** @return false: complained. */
static bool
read_rule(struct reader *r, const struct node *node, const struct field *fields, struct rule *rule)
{
	memset(rule, 0, sizeof(*rule));
	if (!fields_read(r, node, fields, 3, rule))
		return false;
	if (rule->by_first != rule->by_second)
		return true;
	reader_complain(r, node, NULL, "must have %s or %s", fields[0].key, fields[1].key);
	return false;
}

/** @return false: it is no list, or too long; complained. */
static bool
check_list(struct reader *r, const struct node *node, uint32_t max)
{
	if (node->kind != NODE_LIST)
		reader_complain(r, node, NULL, "must be a list");
	else if (node->nb > max)
		reader_complain(r, node, NULL, "has more than %u entries", max);
	else
		return true;
	return false;
}

static void
read_unix(struct reader *r, const struct node *node, void *out)
{
	static const struct field fields[] = { { "user", false, read_user },
		{ "group", false, read_group }, { "role", true, read_role } };
	struct access *a = out;
	uint32_t i = 0;

	if (!check_list(r, node, ACCESS_MAX_RULES))
		return;
	for (const struct node *n = node->first; n != NULL; n = n->next) {
		size_t saved = reader_enter_index(r, i++);
		struct rule rule;

		if (read_rule(r, n, fields, &rule))
			a->users[a->nb_users++] = (struct access_user){
				.is_group = rule.by_second, .id = rule.id, .role = rule.role
			};
		reader_leave(r, saved);
	}
}

static void
read_clients(struct reader *r, const struct node *node, void *out)
{
	static const struct field fields[] = { { "subject", false, read_subject },
		{ "common-name", false, read_common_name }, { "role", true, read_role } };
	struct access *a = out;
	uint32_t i = 0;

	if (!check_list(r, node, ACCESS_MAX_RULES))
		return;
	for (const struct node *n = node->first; n != NULL; n = n->next) {
		size_t saved = reader_enter_index(r, i++);
		struct rule rule;

		if (read_rule(r, n, fields, &rule)) {
			struct access_client *client = &a->clients[a->nb_clients++];

			client->is_common_name = rule.by_second;
			client->role = rule.role;
			memcpy(client->name, rule.name, sizeof(client->name));
		}
		reader_leave(r, saved);
	}
}

/* TLS. */

/** "192.0.2.1:8443", "[2001:db8::1]:8443". @return 0; -EINVAL. */
static int
parse_listen(const char *text, struct access_listen *out)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&out->addr;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&out->addr;
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN + 2] = "";
	uint32_t port;
	size_t len;

	if (colon == NULL || strlen(text) >= sizeof(out->text) || !parse_id(colon + 1, &port) ||
			port == 0 || port > UINT16_MAX)
		return -EINVAL;
	snprintf(out->text, sizeof(out->text), "%s", text);
	len = (size_t)(colon - text);
	if (len == 0 || len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	if (host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		out->len = sizeof(*in6);
		return inet_pton(AF_INET6, host + 1, &in6->sin6_addr) == 1 ? 0 : -EINVAL;
	}
	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)port);
	out->len = sizeof(*in);
	return inet_pton(AF_INET, host, &in->sin_addr) == 1 ? 0 : -EINVAL;
}

static void
read_listen(struct reader *r, const struct node *node, void *out)
{
	struct access *a = out;
	uint32_t i = 0;

	if (!check_list(r, node, ACCESS_MAX_LISTEN))
		return;
	if (node->nb == 0)
		reader_complain(r, node, "leave tls out for none", "is empty");
	for (const struct node *n = node->first; n != NULL; n = n->next) {
		size_t saved = reader_enter_index(r, i++);
		const char *text = read_text(r, n);

		if (text != NULL && parse_listen(text, &a->listen[a->nb_listen]) != 0)
			reader_complain(r, n, "192.0.2.1:8443, \"[::]:8443\"",
					"\"%.60s\" is not an address with a port", text);
		else if (text != NULL)
			a->nb_listen++;
		reader_leave(r, saved);
	}
}

static void
read_path(struct reader *r, const struct node *node, char **out)
{
	const char *text = read_text(r, node);

	if (text != NULL && text[0] != '/')
		reader_complain(r, node, NULL, "must be a path that begins with /");
	else if (text != NULL && *out == NULL) /* A key twice is complained about. */
		*out = strdup(text);
}

static void
read_certificate(struct reader *r, const struct node *node, void *out)
{
	read_path(r, node, &((struct access *)out)->certificate);
}

static void
read_key(struct reader *r, const struct node *node, void *out)
{
	read_path(r, node, &((struct access *)out)->key);
}

static void
read_client_ca(struct reader *r, const struct node *node, void *out)
{
	read_path(r, node, &((struct access *)out)->client_ca);
}

static void
read_client_crl(struct reader *r, const struct node *node, void *out)
{
	read_path(r, node, &((struct access *)out)->client_crl);
}

static void
read_tls(struct reader *r, const struct node *node, void *out)
{
	static const struct field fields[] = { { "listen", true, read_listen },
		{ "certificate", true, read_certificate }, { "key", true, read_key },
		{ "client-ca", true, read_client_ca }, { "client-crl", false, read_client_crl },
		{ "clients", true, read_clients } };

	fields_read(r, node, fields, ARRAY_LEN(fields), out);
}

static void
read_rate(struct reader *r, const struct node *node, void *out)
{
	read_integer(r, node, 1, MAX_RATE, &((struct access *)out)->rate_per_s);
}

/* The file. */

static void
read_root(struct reader *r, const struct node *root, struct access *a)
{
	static const struct field fields[] = { { "unix", false, read_unix },
		{ "tls", false, read_tls }, { "requests-per-second", false, read_rate } };

	fields_read(r, root, fields, ARRAY_LEN(fields), a);
}

static struct access *
parse(const char *text, size_t len, struct complaints *c)
{
	struct document *document = document_create();
	struct access *a = access_default((gid_t)-1);
	struct reader reader = { .complaints = c };

	if (document != NULL && a != NULL && document_parse_yaml(document, text, len, c) == 0 &&
			document_root(document) != NULL)
		read_root(&reader, document_root(document), a);
	complaints_sort(c);
	if (document == NULL || a == NULL || complaints_any(c)) {
		access_free(a);
		a = NULL;
	}
	document_destroy(document);
	return a;
}

struct access *
access_read(const char *path, struct complaints *c, int *error)
{
	struct access *a;
	size_t len;
	char *text = file_read_document(path, c, &len, error);

	if (text == NULL)
		return NULL;
	a = parse(text, len, c);
	free(text);
	return a;
}
