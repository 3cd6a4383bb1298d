/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/desired.h"

#include <stdlib.h>

struct desired *
desired_ref(struct desired *d)
{
	d->refs++;
	return d;
}

void
desired_unref(struct desired *d)
{
	if (d == NULL || --d->refs != 0)
		return;
	free(d->services);
	free(d->members);
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

struct desired *
desired_make(const struct config *config, const struct overrides *overrides)
{
	struct desired *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->refs = 1;
	d->services = calloc(config->nb_services + 1, sizeof(*d->services));
	d->members = calloc(config->nb_members + 1, sizeof(*d->members));
	if (d->services == NULL || d->members == NULL) {
		desired_unref(d);
		return NULL;
	}
	for (uint32_t i = 0; i < config->nb_services; i++) {
		const struct config_service *from = &config->services[config->by_key[i]];
		struct desired_service *to = &d->services[d->nb_services++];

		to->conf = from->conf;
		to->first = d->nb_members;
		to->nb = from->nb_backends;
		for (uint32_t j = 0; j < from->nb_backends; j++) {
			const struct config_backend *backend = &from->backends[from->by_addr[j]];
			const struct override *override =
					overrides_find(overrides, &from->conf.key, &backend->addr);

			d->members[d->nb_members] = desired_backend(backend, override);
			if (from->health != NULL && from->health->initially_down)
				d->members[d->nb_members].health = HEALTH_DOWN;
			d->nb_members++;
		}
	}
	return d;
}
