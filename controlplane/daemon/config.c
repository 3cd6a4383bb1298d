/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service/service_id.h"

struct config *
config_create(void)
{
	struct config *config = calloc(1, sizeof(*config));

	if (config != NULL)
		config->refs = 1;
	return config;
}

struct config *
config_ref(struct config *config)
{
	config->refs++;
	return config;
}

void
config_services_free(struct config_service *services, uint32_t nb)
{
	for (uint32_t i = 0; i < nb; i++) {
		free(services[i].backends);
		free(services[i].by_addr);
		config_health_unref(services[i].health);
	}
	free(services);
}

void
config_unref(struct config *config)
{
	if (config == NULL || --config->refs != 0)
		return;
	config_services_free(config->services, config->nb_services);
	free(config->by_key);
	free(config->by_name);
	free(config);
}

static int
compare_keys(const void *a, const void *b, void *context)
{
	const struct config_service *services = context;

	return service_key_compare(&services[*(const uint32_t *)a].conf.key,
			&services[*(const uint32_t *)b].conf.key);
}

static int
compare_names(const void *a, const void *b, void *context)
{
	const struct config_service *services = context;

	return strcmp(services[*(const uint32_t *)a].name, services[*(const uint32_t *)b].name);
}

static int
compare_addrs(const void *a, const void *b, void *context)
{
	const struct config_backend *backends = context;

	return ip_addr_compare(
			&backends[*(const uint32_t *)a].addr, &backends[*(const uint32_t *)b].addr);
}

/** 0 … nb−1, sorted. @return NULL: out of memory. */
static uint32_t *
sorted_indexes(uint32_t nb, int (*compare)(const void *, const void *, void *), void *context)
{
	uint32_t *indexes = malloc((nb + 1) * sizeof(*indexes));

	if (indexes == NULL)
		return NULL;
	for (uint32_t i = 0; i < nb; i++)
		indexes[i] = i;
	qsort_r(indexes, nb, sizeof(*indexes), compare, context);
	return indexes;
}

int
config_take_services(struct config *config, struct config_service *services, uint32_t nb)
{
	config->services = services;
	config->nb_services = nb;
	config->nb_members = 0;
	for (uint32_t i = 0; i < nb; i++) {
		struct config_service *service = &services[i];

		config->nb_members += service->nb_backends;
		free(service->by_addr);
		service->by_addr = sorted_indexes(
				service->nb_backends, compare_addrs, service->backends);
		if (service->by_addr == NULL)
			goto err_free;
	}
	config->by_key = sorted_indexes(nb, compare_keys, services);
	config->by_name = sorted_indexes(nb, compare_names, services);
	if (config->by_key == NULL || config->by_name == NULL)
		goto err_free;
	return 0;

err_free:
	config_services_free(services, nb);
	config->services = NULL;
	config->nb_services = 0;
	return -ENOMEM;
}

const struct config_service *
config_find_key(const struct config *config, const struct service_key *key)
{
	uint32_t low = 0, high = config->nb_services;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct config_service *service = &config->services[config->by_key[middle]];
		int order = service_key_compare(&service->conf.key, key);

		if (order == 0)
			return service;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static const struct config_service *
find_name(const struct config *config, const char *name)
{
	uint32_t low = 0, high = config->nb_services;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct config_service *service = &config->services[config->by_name[middle]];
		int order = strcmp(service->name, name);

		if (order == 0)
			return service;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct config_service *
config_find(const struct config *config, const char *name_or_id)
{
	const struct config_service *service = NULL;
	struct service_key key;

	if (name_or_id[0] != '\0')
		service = find_name(config, name_or_id);
	if (service == NULL && service_id_parse(name_or_id, &key) == 0)
		service = config_find_key(config, &key);
	return service;
}

const struct config_backend *
config_find_backend(const struct config_service *service, const struct ip_addr *addr)
{
	uint32_t low = 0, high = service->nb_backends;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct config_backend *backend = &service->backends[service->by_addr[middle]];
		int order = ip_addr_compare(&backend->addr, addr);

		if (order == 0)
			return backend;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const char *
config_service_label(const struct config_service *service, char *buf)
{
	if (service->name[0] != '\0')
		return service->name;
	return service_id_format(&service->conf.key, buf);
}

bool
config_service_equal(const struct config_service *a, const struct config_service *b)
{
	if (strcmp(a->name, b->name) != 0 || memcmp(&a->conf, &b->conf, sizeof(a->conf)) != 0 ||
			!config_health_equal(a->health, b->health) ||
			a->nb_backends != b->nb_backends)
		return false;
	for (uint32_t i = 0; i < a->nb_backends; i++) {
		if (!ip_addr_equal(&a->backends[i].addr, &b->backends[i].addr) ||
				a->backends[i].weight != b->backends[i].weight ||
				a->backends[i].admin != b->backends[i].admin)
			return false;
	}
	return true;
}

bool
config_equal(const struct config *a, const struct config *b)
{
	if (a->nb_services != b->nb_services)
		return false;
	for (uint32_t i = 0; i < a->nb_services; i++) {
		if (!config_service_equal(&a->services[i], &b->services[i]))
			return false;
	}
	return true;
}

/** A deep copy of one service with room for @p room more backends. @return 0 or -ENOMEM. */
static int
service_copy(struct config_service *to, const struct config_service *from, uint32_t room)
{
	*to = *from;
	to->by_addr = NULL;
	to->health = config_health_ref(from->health);
	to->backends = malloc((size_t)(from->nb_backends + room + 1) * sizeof(*to->backends));
	if (to->backends == NULL)
		return -ENOMEM;
	if (from->nb_backends > 0)
		memcpy(to->backends, from->backends, from->nb_backends * sizeof(*to->backends));
	return 0;
}

static void
service_drop_backend(struct config_service *service, const struct ip_addr *addr)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < service->nb_backends; i++) {
		if (!ip_addr_equal(&service->backends[i].addr, addr))
			service->backends[kept++] = service->backends[i];
	}
	service->nb_backends = kept;
}

/** Copy @p config; add @p add to, or drop @p drop from, @p chosen (NULL: every service). */
static struct config *
config_derive(const struct config *config, const struct config_service *chosen,
		const struct config_backend *add, const struct ip_addr *drop)
{
	struct config *new = config_create();
	struct config_service *services = calloc(config->nb_services + 1, sizeof(*services));

	if (new == NULL || services == NULL)
		goto err_free;
	for (uint32_t i = 0; i < config->nb_services; i++) {
		const struct config_service *from = &config->services[i];
		struct config_service *to = &services[i];

		if (service_copy(to, from, 1) != 0)
			goto err_free;
		if (chosen != NULL && chosen != from)
			continue;
		if (add != NULL)
			to->backends[to->nb_backends++] = *add;
		if (drop != NULL)
			service_drop_backend(to, drop);
	}
	if (config_take_services(new, services, config->nb_services) != 0) {
		config_unref(new);
		return NULL;
	}
	return new;

err_free:
	if (services != NULL)
		config_services_free(services, config->nb_services);
	config_unref(new);
	return NULL;
}

struct config *
config_with_backend(const struct config *config, const struct config_service *service,
		const struct config_backend *backend)
{
	return config_derive(config, service, backend, NULL);
}

struct config *
config_without_backend(const struct config *config, const struct config_service *service,
		const struct ip_addr *addr)
{
	return config_derive(config, service, NULL, addr);
}
