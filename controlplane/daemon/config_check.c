/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Everything goes by sorted indexes: equal values are neighbours. No hash table, so
 * no input makes it slow.
 */
#include "controlplane/daemon/config_check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/service_id.h"

/** What the checks of a whole configuration share. */
struct checker {
	struct reader *reader;
	const struct config *config;
	const struct node **nodes; /* Of services, by position. */
};

/** Enter "services[i].key" from the root. */
static void
enter_service(struct reader *r, uint32_t i, const char *key)
{
	reader_leave(r, 0);
	reader_enter_key(r, "services");
	reader_enter_index(r, i);
	if (key != NULL)
		reader_enter_key(r, key);
}

static void
check_keys(const struct checker *c)
{
	const struct config *config = c->config;

	for (uint32_t i = 1; i < config->nb_services; i++) {
		uint32_t a = config->by_key[i - 1], b = config->by_key[i];
		uint32_t first = a < b ? a : b, second = a < b ? b : a;
		const struct service_key *key = &config->services[b].conf.key;
		char id[SERVICE_ID_STRLEN];

		if (key->vip.family == IP_NONE || key->l4_port == 0 || key->protocol == 0 ||
				service_key_compare(&config->services[a].conf.key, key) != 0)
			continue;
		enter_service(c->reader, second, "address");
		reader_complain(c->reader, node_child_or_self(c->nodes[second], "address"), NULL,
				"%s is services[%u] already", service_id_format(key, id), first);
	}
}

static void
check_names(const struct checker *c)
{
	const struct config *config = c->config;

	for (uint32_t i = 1; i < config->nb_services; i++) {
		uint32_t a = config->by_name[i - 1], b = config->by_name[i];
		uint32_t first = a < b ? a : b, second = a < b ? b : a;
		const char *name = config->services[b].name;

		if (name[0] == '\0' || strcmp(config->services[a].name, name) != 0)
			continue;
		enter_service(c->reader, second, "name");
		reader_complain(c->reader, node_child_or_self(c->nodes[second], "name"), NULL,
				"\"%s\" is the name of services[%u] already", name, first);
	}
}

/** Is @p addr the VIP of any service? Services are sorted by address first. */
static const struct config_service *
find_vip(const struct config *config, const struct ip_addr *addr)
{
	uint32_t low = 0, high = config->nb_services;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct config_service *service = &config->services[config->by_key[middle]];
		int order = ip_addr_compare(&service->conf.key.vip, addr);

		if (order == 0)
			return service;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/** The node of backend @p position of @p service. Only for complaints: it walks. */
static const struct node *
backend_node(const struct node *service, uint32_t position)
{
	const struct node *node = node_child_or_self(service, "backends")->first;

	while (node != NULL && position-- > 0)
		node = node->next;
	return node != NULL ? node_child_or_self(node, "address") : service;
}

static void
complain_backend(const struct checker *c, uint32_t service, uint32_t position, const char *text)
{
	if (c->reader->complaints->nb == COMPLAINTS_MAX) {
		c->reader->complaints->nb_more++;
		return;
	}
	enter_service(c->reader, service, "backends");
	reader_enter_index(c->reader, position);
	reader_enter_key(c->reader, "address");
	reader_complain(c->reader, backend_node(c->nodes[service], position), NULL, "%s", text);
}

static void
check_backends(const struct checker *c, uint32_t i)
{
	const struct config_service *service = &c->config->services[i];
	char text[160], addr[IP_ADDR_STRLEN], label[SERVICE_ID_STRLEN];

	for (uint32_t j = 0; j < service->nb_backends; j++) {
		uint32_t position = service->by_addr[j];
		const struct config_backend *backend = &service->backends[position];
		const struct config_service *owner;

		if (backend->addr.family == IP_NONE)
			continue;
		if (j > 0 &&
				ip_addr_equal(&backend->addr,
						&service->backends[service->by_addr[j - 1]].addr)) {
			uint32_t other = service->by_addr[j - 1];
			uint32_t first = other < position ? other : position;

			snprintf(text, sizeof(text), "%s is backends[%u] already",
					ip_addr_format(&backend->addr, addr), first);
			complain_backend(c, i, other < position ? position : other, text);
		}
		owner = find_vip(c->config, &backend->addr);
		/* Its own service's VIP was complained about already. */
		if (owner == NULL || ip_addr_equal(&service->conf.key.vip, &backend->addr))
			continue;
		snprintf(text, sizeof(text), "%s is the VIP of service %s: packets would come back",
				ip_addr_format(&backend->addr, addr),
				config_service_label(owner, label));
		complain_backend(c, i, position, text);
	}
}

/** Maglev needs a slot for each backend with weight. */
static void
check_slots(const struct checker *c, uint32_t i)
{
	const struct config_service *service = &c->config->services[i];
	uint32_t nb = 0;

	if (service->conf.nb_slots == 0)
		return;
	for (uint32_t j = 0; j < service->nb_backends; j++)
		nb += service->backends[j].weight > 0;
	if (nb <= service->conf.nb_slots)
		return;
	enter_service(c->reader, i, "slots");
	reader_complain(c->reader, node_child_or_self(c->nodes[i], "slots"), NULL,
			"%u slots are too few for %u backends", service->conf.nb_slots, nb);
}

static int
compare_addrs(const void *a, const void *b)
{
	return ip_addr_compare(a, b);
}

/** @param addrs Room for every member and @p more (may be NULL). */
static uint32_t
count_distinct(const struct config *config, const struct ip_addr *more, struct ip_addr *addrs)
{
	uint32_t nb = 0, distinct = 0;

	if (more != NULL)
		addrs[nb++] = *more;
	for (uint32_t i = 0; i < config->nb_services; i++) {
		for (uint32_t j = 0; j < config->services[i].nb_backends; j++)
			addrs[nb++] = config->services[i].backends[j].addr;
	}
	qsort(addrs, nb, sizeof(*addrs), compare_addrs);
	for (uint32_t i = 0; i < nb; i++)
		distinct += i == 0 || !ip_addr_equal(&addrs[i - 1], &addrs[i]);
	return distinct;
}

static int
check_totals(const struct checker *c, const struct node *list)
{
	const struct config *config = c->config;
	struct ip_addr *addrs;
	uint32_t distinct;

	reader_leave(c->reader, 0);
	reader_enter_key(c->reader, "services");
	if (config->nb_members > CONFIG_MAX_MEMBERS) {
		reader_complain(c->reader, list, NULL,
				"%u backends of all services together, at most %u are possible",
				config->nb_members, CONFIG_MAX_MEMBERS);
		return 0;
	}
	if (config->nb_members <= BACKEND_MAX)
		return 0;
	addrs = malloc(config->nb_members * sizeof(*addrs));
	if (addrs == NULL)
		return -ENOMEM;
	distinct = count_distinct(config, NULL, addrs);
	free(addrs);
	if (distinct > BACKEND_MAX)
		reader_complain(c->reader, list, NULL,
				"%u distinct backend addresses, at most %u are possible", distinct,
				BACKEND_MAX);
	return 0;
}

int
config_check(struct reader *r, const struct config *config, const struct node *list)
{
	struct checker c = { .reader = r, .config = config };
	uint32_t i = 0;
	int ret;

	c.nodes = calloc(list->nb + 1, sizeof(struct node *));
	if (c.nodes == NULL)
		return -ENOMEM;
	for (const struct node *node = list->first; node != NULL; node = node->next)
		c.nodes[i++] = node;

	check_keys(&c);
	check_names(&c);
	for (i = 0; i < config->nb_services; i++) {
		check_backends(&c, i);
		check_slots(&c, i);
	}
	ret = check_totals(&c, list);
	reader_leave(r, 0);
	free(c.nodes);
	return ret;
}

/** Would one more address be one too many? */
static bool
distinct_full(const struct config *config, const struct ip_addr *addr)
{
	struct ip_addr *addrs;
	uint32_t distinct;

	if (config->nb_members < BACKEND_MAX)
		return false;
	addrs = malloc((config->nb_members + 1) * sizeof(*addrs));
	if (addrs == NULL)
		return true;
	distinct = count_distinct(config, addr, addrs);
	free(addrs);
	return distinct > BACKEND_MAX;
}

void
config_check_backend(struct reader *r, const struct node *node, const struct config *config,
		const struct config_service *service, const struct config_backend *backend)
{
	const struct config_service *owner = find_vip(config, &backend->addr);
	char addr[IP_ADDR_STRLEN], label[SERVICE_ID_STRLEN];
	size_t saved = reader_enter_key(r, "address");
	uint32_t nb = backend->weight > 0;

	if (owner != NULL)
		reader_complain(r, node, NULL,
				"%s is the VIP of service %s: packets would come back",
				ip_addr_format(&backend->addr, addr),
				config_service_label(owner, label));
	for (uint32_t i = 0; i < service->nb_backends; i++)
		nb += service->backends[i].weight > 0;
	if (service->conf.nb_slots != 0 && nb > service->conf.nb_slots)
		reader_complain(r, node, NULL, "%u slots are too few for %u backends",
				service->conf.nb_slots, nb);
	if (service->nb_backends >= BACKEND_MAX)
		reader_complain(r, node, NULL, "the service has %u backends already",
				service->nb_backends);
	if (config->nb_members >= CONFIG_MAX_MEMBERS || distinct_full(config, &backend->addr))
		reader_complain(r, node, NULL,
				"there are %u backends already, no more are possible",
				config->nb_members);
	reader_leave(r, saved);
}
