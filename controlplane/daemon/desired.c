/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/desired.h"

#include <stdlib.h>
#include <string.h>

#include "service/service_id.h"

struct desired *
desired_ref(struct desired *d)
{
	d->refs++;
	return d;
}

static void
service_unref(struct desired_service *s)
{
	if (--s->refs == 0)
		free(s);
}

void
desired_unref(struct desired *d)
{
	if (d == NULL || --d->refs != 0)
		return;
	for (uint32_t i = 0; i < d->nb_services; i++)
		service_unref(d->services[i]);
	free(d->services);
	free(d);
}

struct backend_conf
desired_backend(const struct config_backend *backend, const struct override *override)
{
	struct backend_conf conf = { .addr = backend->addr,
		.weight = backend->weight,
		.factor = BACKEND_FACTOR_ONE,
		.admin = backend->admin,
		.health = HEALTH_UNKNOWN };

	if (override != NULL && override->has_admin)
		conf.admin = override->admin;
	if (override != NULL && override->has_weight)
		conf.weight = override->weight;
	return conf;
}

static size_t
service_size(uint32_t nb)
{
	return sizeof(struct desired_service) + nb * sizeof(struct backend_conf);
}

static struct desired_service *
service_make(const struct config_service *from, const struct overrides *overrides)
{
	bool down = from->health != NULL && from->health->initially_down;
	struct desired_service *s = malloc(service_size(from->nb_backends));

	if (s == NULL)
		return NULL;
	s->refs = 1;
	s->nb = from->nb_backends;
	s->conf = from->conf;
	for (uint32_t i = 0; i < s->nb; i++) {
		const struct config_backend *backend = &from->backends[from->by_addr[i]];

		s->members[i] = desired_backend(
				backend, overrides_find(overrides, &s->conf.key, &backend->addr));
		if (down)
			s->members[i].health = HEALTH_DOWN;
	}
	return s;
}

/** A state of no services, with room for @p room. */
static struct desired *
desired_create(uint32_t room)
{
	struct desired *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->refs = 1;
	d->services = malloc((room + 1) * sizeof(struct desired_service *));
	if (d->services == NULL) {
		free(d);
		return NULL;
	}
	return d;
}

struct desired *
desired_make(const struct config *config, const struct overrides *overrides)
{
	struct desired *d = desired_create(config->nb_services);

	if (d == NULL)
		return NULL;
	for (uint32_t i = 0; i < config->nb_services; i++) {
		struct desired_service *s =
				service_make(&config->services[config->by_key[i]], overrides);

		if (s == NULL) {
			desired_unref(d);
			return NULL;
		}
		d->services[d->nb_services++] = s;
		d->nb_members += s->nb;
	}
	return d;
}

struct desired *
desired_copy(const struct desired *from)
{
	struct desired *d = desired_create(from->nb_services);

	if (d == NULL)
		return NULL;
	d->nb_services = from->nb_services;
	d->nb_members = from->nb_members;
	for (uint32_t i = 0; i < d->nb_services; i++) {
		d->services[i] = from->services[i];
		d->services[i]->refs++;
	}
	return d;
}

int
desired_find(const struct desired *d, const struct service_key *key)
{
	uint32_t low = 0, high = d->nb_services;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = service_key_compare(&d->services[middle]->conf.key, key);

		if (order == 0)
			return (int)middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

struct desired_service *
desired_own(struct desired *d, uint32_t place)
{
	struct desired_service *old = d->services[place];
	struct desired_service *own;

	if (old->refs == 1)
		return old;
	own = malloc(service_size(old->nb));
	if (own == NULL)
		return NULL;
	memcpy(own, old, service_size(old->nb));
	own->refs = 1;
	old->refs--;
	d->services[place] = own;
	return own;
}

bool
desired_advertise(struct desired *d, uint8_t least)
{
	for (uint32_t i = 0; i < d->nb_services; i++) {
		struct desired_service *own;

		if (d->services[i]->conf.advertise >= least)
			continue;
		own = desired_own(d, i);
		if (own == NULL)
			return false;
		own->conf.advertise = least;
	}
	return true;
}

static bool
service_equal(const struct desired_service *a, const struct desired_service *b)
{
	return a->nb == b->nb && memcmp(&a->conf, &b->conf, sizeof(a->conf)) == 0 &&
			memcmp(a->members, b->members, a->nb * sizeof(*a->members)) == 0;
}

void
desired_share(struct desired *d, const struct desired *from)
{
	for (uint32_t i = 0, j = 0; i < d->nb_services && j < from->nb_services;) {
		int order = service_key_compare(
				&d->services[i]->conf.key, &from->services[j]->conf.key);

		if (order == 0 && d->services[i] != from->services[j] &&
				service_equal(d->services[i], from->services[j])) {
			service_unref(d->services[i]);
			d->services[i] = from->services[j];
			d->services[i]->refs++;
		}
		i += order <= 0;
		j += order >= 0;
	}
}

bool
desired_shares_all(const struct desired *a, const struct desired *b)
{
	return a->nb_services == b->nb_services &&
			memcmp(a->services, b->services,
					a->nb_services * sizeof(struct desired_service *)) == 0;
}
