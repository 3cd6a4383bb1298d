/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Fields are read one by one (fields.h). A service's backends are read after all its
 * other fields, whatever their order in the document, because a backend is checked
 * against its service. What concerns several services (names, addresses, totals) comes
 * last, in config_check.c, with the nodes at hand for the places of complaints.
 */
#include "controlplane/daemon/config_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "hash/maglev.h"
#include "service/service_id.h"

#include "controlplane/daemon/config_check.h"
#include "controlplane/daemon/fields.h"

#define NAME_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

bool
config_read_weight(struct reader *r, const struct node *node, uint32_t *out)
{
	return read_integer(r, node, 0, BACKEND_MAX_WEIGHT, out);
}

bool
config_read_admin(struct reader *r, const struct node *node, uint8_t *out)
{
	const char *text = read_text(r, node);

	if (text == NULL)
		return false;
	if (backend_admin_parse(text, out) != 0) {
		reader_complain(r, node, NULL, "\"%.40s\" is not enabled, draining or disabled",
				text);
		return false;
	}
	return true;
}

/* One backend. */

static void
read_backend_address(struct reader *r, const struct node *node, void *out)
{
	read_address(r, node, &((struct config_backend *)out)->addr);
}

static void
read_backend_weight(struct reader *r, const struct node *node, void *out)
{
	config_read_weight(r, node, &((struct config_backend *)out)->weight);
}

static void
read_backend_state(struct reader *r, const struct node *node, void *out)
{
	config_read_admin(r, node, &((struct config_backend *)out)->admin);
}

static const struct field backend_fields[] = {
	{ "address", true, read_backend_address },
	{ "weight", false, read_backend_weight },
	{ "state", false, read_backend_state },
};

/** The address against its service; anything else that the library would refuse. */
static void
check_backend(struct reader *r, const struct node *node, const struct config_service *service,
		const struct config_backend *backend)
{
	struct backend_conf conf = { .addr = backend->addr,
		.weight = backend->weight,
		.factor = BACKEND_FACTOR_ONE,
		.admin = backend->admin,
		.health = HEALTH_UNKNOWN };
	enum conf_error error;

	if (backend->addr.family == IP_NONE || service->conf.key.vip.family == IP_NONE ||
			service->conf.mode == 0)
		return; /* Complained about already. */
	error = backend_conf_check(&service->conf, &conf);
	if (error == CONF_FAMILY_MISMATCH)
		reader_complain(r, node, "mode ipip can cross families",
				"mode direct needs backends of the VIP's own family");
	else if (error == CONF_BACKEND_IS_VIP)
		reader_complain(r, node, NULL, "is the VIP of its own service");
	else if (error != CONF_OK)
		reader_complain(r, node, NULL, "%s", conf_error_text(error));
}

static void
read_backend(struct reader *r, const struct node *node, const struct config_service *service,
		struct config_backend *out)
{
	size_t saved;

	*out = (struct config_backend){ .weight = BACKEND_DEFAULT_WEIGHT, .admin = ADMIN_ENABLED };
	if (!fields_read(r, node, backend_fields, ARRAY_LEN(backend_fields), out))
		return;
	saved = reader_enter_key(r, "address");
	check_backend(r, node_child_or_self(node, "address"), service, out);
	reader_leave(r, saved);
}

/* One service. */

/** What read functions of a service fill. */
struct service_draft {
	struct config_service *service;
	const struct node *backends;
};

static void
read_name(struct reader *r, const struct node *node, void *out)
{
	struct service_draft *draft = out;
	const char *text = read_text(r, node);
	size_t len;

	if (text == NULL)
		return;
	len = strlen(text);
	if (len == 0 || len >= SERVICE_NAME_SIZE || strspn(text, NAME_LETTERS) != len) {
		reader_complain(r, node, NULL,
				"\"%.70s\" is not 1..%d letters, digits, '.', '_' or '-'", text,
				SERVICE_NAME_SIZE - 1);
		return;
	}
	memcpy(draft->service->name, text, len + 1);
}

static void
read_vip(struct reader *r, const struct node *node, void *out)
{
	struct service_draft *draft = out;

	read_address(r, node, &draft->service->conf.key.vip);
}

static void
read_protocol(struct reader *r, const struct node *node, void *out)
{
	struct service_draft *draft = out;
	const char *text = read_text(r, node);

	if (text != NULL && service_protocol_parse(text, &draft->service->conf.key.protocol) != 0)
		reader_complain(r, node, NULL, "\"%.40s\" is not tcp or udp", text);
}

static void
read_port(struct reader *r, const struct node *node, void *out)
{
	struct service_draft *draft = out;
	uint32_t port;

	if (read_integer(r, node, 1, UINT16_MAX, &port))
		draft->service->conf.key.l4_port = (uint16_t)port;
}

static void
read_mode(struct reader *r, const struct node *node, void *out)
{
	struct service_draft *draft = out;
	const char *text = read_text(r, node);

	if (text != NULL && service_mode_parse(text, &draft->service->conf.mode) != 0)
		reader_complain(r, node, NULL, "\"%.40s\" is not direct or ipip", text);
}

static void
read_slots(struct reader *r, const struct node *node, void *out)
{
	struct service_draft *draft = out;
	uint32_t slots;

	if (!read_integer(r, node, MAGLEV_MIN_SLOTS, MAGLEV_MAX_SLOTS, &slots))
		return;
	if (!maglev_slots_valid(slots)) {
		reader_complain(r, node,
				"leave it out, or take 65537, 131071, 262139, 524287 or 1048573",
				"%u is not a prime", slots);
		return;
	}
	draft->service->conf.nb_slots = slots;
}

static void
read_lifetime(struct reader *r, const struct node *node, void *out, enum flow_state state)
{
	struct service_draft *draft = out;

	read_seconds(r, node, 1, SERVICE_MAX_LIFETIME_S, &draft->service->conf.lifetime_s[state]);
}

static void
read_half_open(struct reader *r, const struct node *node, void *out)
{
	read_lifetime(r, node, out, FLOW_HALF_OPEN);
}

static void
read_open(struct reader *r, const struct node *node, void *out)
{
	read_lifetime(r, node, out, FLOW_OPEN);
}

static void
read_closing(struct reader *r, const struct node *node, void *out)
{
	read_lifetime(r, node, out, FLOW_CLOSING);
}

static void
read_udp(struct reader *r, const struct node *node, void *out)
{
	read_lifetime(r, node, out, FLOW_UDP);
}

static void
read_lifetimes(struct reader *r, const struct node *node, void *out)
{
	static const struct field fields[] = {
		{ "half-open", false, read_half_open },
		{ "open", false, read_open },
		{ "closing", false, read_closing },
		{ "udp", false, read_udp },
	};

	fields_read(r, node, fields, ARRAY_LEN(fields), out);
}

static void
read_syn_reselect_idle(struct reader *r, const struct node *node, void *out)
{
	struct service_draft *draft = out;

	read_seconds(r, node, 1, SERVICE_MAX_SYN_RESELECT_IDLE_S,
			&draft->service->conf.syn_reselect_idle_s);
}

static void
read_on_down(struct reader *r, const struct node *node, void *out)
{
	struct service_draft *draft = out;
	const char *text = read_text(r, node);

	if (text != NULL && service_on_down_parse(text, &draft->service->conf.on_down) != 0)
		reader_complain(r, node, NULL, "\"%.40s\" is not move, reset or keep", text);
}

static void
read_health(struct reader *r, const struct node *node, void *out)
{
	struct service_draft *draft = out;

	draft->service->health = config_health_read(r, node);
}

static void
read_backends_later(struct reader *r, const struct node *node, void *out)
{
	struct service_draft *draft = out;

	if (node->kind != NODE_LIST)
		reader_complain(r, node, "[] for none", "must be a list of backends");
	else
		draft->backends = node;
}

static const struct field service_fields[] = {
	{ "name", false, read_name },
	{ "address", true, read_vip },
	{ "protocol", true, read_protocol },
	{ "port", true, read_port },
	{ "mode", true, read_mode },
	{ "slots", false, read_slots },
	{ "lifetimes", false, read_lifetimes },
	{ "syn-reselect-idle", false, read_syn_reselect_idle },
	{ "on-down", false, read_on_down },
	{ "health", false, read_health },
	{ "backends", true, read_backends_later },
};

static int
read_backends(struct reader *r, const struct service_draft *draft)
{
	struct config_service *service = draft->service;
	uint32_t nb = draft->backends->nb;
	uint32_t i = 0;
	size_t saved;

	if (nb > BACKEND_MAX) {
		reader_complain(r, draft->backends, NULL, "%u backends, at most %u are possible",
				nb, BACKEND_MAX);
		return 0;
	}
	service->backends = calloc(nb + 1, sizeof(*service->backends));
	if (service->backends == NULL)
		return -ENOMEM;
	for (const struct node *node = draft->backends->first; node != NULL; node = node->next) {
		saved = reader_enter_index(r, i);
		read_backend(r, node, service, &service->backends[i++]);
		reader_leave(r, saved);
	}
	service->nb_backends = nb;
	return 0;
}

static int
read_service(struct reader *r, const struct node *node, struct config_service *out)
{
	struct service_draft draft = { .service = out };
	unsigned int before = r->complaints->nb + r->complaints->nb_more;
	enum conf_error error;
	size_t saved;
	int ret = 0;

	fields_read(r, node, service_fields, ARRAY_LEN(service_fields), &draft);
	if (r->complaints->nb + r->complaints->nb_more == before) {
		error = service_conf_check(&out->conf);
		if (error != CONF_OK)
			reader_complain(r, node, NULL, "%s", conf_error_text(error));
	}
	if (draft.backends == NULL)
		return 0;
	saved = reader_enter_key(r, "backends");
	ret = read_backends(r, &draft);
	reader_leave(r, saved);
	return ret;
}

/* The document. */

struct config_draft {
	struct config_service *services;
	uint32_t nb_services;
	const struct node *list;
	int error;
};

static void
read_services(struct reader *r, const struct node *node, void *out)
{
	struct config_draft *draft = out;
	uint32_t i = 0;

	if (node->kind != NODE_LIST) {
		reader_complain(r, node, "services: [] for none", "must be a list of services");
		return;
	}
	if (node->nb > SERVICE_MAX) {
		reader_complain(r, node, NULL, "%u services, at most %u are possible", node->nb,
				SERVICE_MAX);
		return;
	}
	draft->list = node;
	draft->services = calloc(node->nb + 1, sizeof(*draft->services));
	if (draft->services == NULL) {
		draft->error = -ENOMEM;
		return;
	}
	draft->nb_services = node->nb;
	for (const struct node *child = node->first; child != NULL && draft->error == 0;
			child = child->next) {
		size_t saved = reader_enter_index(r, i);

		draft->error = read_service(r, child, &draft->services[i++]);
		reader_leave(r, saved);
	}
}

static const struct field document_fields[] = {
	{ "services", true, read_services },
};

/** Check a parsed document. @return as config_parse(). */
static struct config *
read_document(const struct document *document, bool is_stored, struct complaints *c)
{
	const struct node *root = document_root(document);
	struct reader r = { .complaints = c, .is_stored = is_stored };
	struct config_draft draft = { .services = NULL };
	struct config *config;

	if (root == NULL || root->kind == NODE_NULL) {
		complain(c, &(struct place){ .path = NULL }, "write services: [] for no services",
				"is empty");
		return NULL;
	}
	fields_read(&r, root, document_fields, ARRAY_LEN(document_fields), &draft);
	if (draft.error != 0 || draft.services == NULL)
		goto err_free;

	config = config_create();
	if (config == NULL)
		goto err_free;
	if (config_take_services(config, draft.services, draft.nb_services) != 0) {
		config_unref(config);
		return NULL;
	}
	if (config_check(&r, config, draft.list) != 0 || complaints_any(c)) {
		config_unref(config);
		return NULL;
	}
	return config;

err_free:
	if (draft.services != NULL)
		config_services_free(draft.services, draft.nb_services);
	return NULL;
}

struct config *
config_parse(const char *text, size_t len, enum document_format format, struct complaints *c)
{
	struct document *document = document_create();
	struct config *config = NULL;
	int ret;

	if (document == NULL)
		return NULL;
	if (format == FORMAT_YAML)
		ret = document_parse_yaml(document, text, len, c);
	else
		ret = document_parse_json(document, text, len, c);
	if (ret == 0)
		config = read_document(document, format == FORMAT_STORED, c);
	document_destroy(document);
	complaints_sort(c);
	return config;
}

bool
config_read_backend(const struct node *node, const struct config *config,
		const struct config_service *service, struct complaints *c,
		struct config_backend *out)
{
	struct reader r = { .complaints = c };

	read_backend(&r, node, service, out);
	if (!complaints_any(c))
		config_check_backend(&r, node_child_or_self(node, "address"), config, service, out);
	return !complaints_any(c);
}
