/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Only services that have checks are kept here, sorted by key, their backends by address.
 * A verdict finds its backends by a table from checks to users. A new configuration makes a
 * new watch, and takes over what is known of backends that stay.
 */
#include <stdlib.h>
#include <string.h>

#include "service/service_id.h"

#include "controlplane/daemon/health_private.h"

void
watch_free(struct watch *w)
{
	for (uint32_t i = 0; i < w->nb_services; i++) {
		free(w->services[i].addrs);
		free(w->services[i].members);
		free(w->services[i].suspicions);
		free(w->services[i].told);
		free(w->services[i].told_factors);
		free(w->services[i].raw_factors);
		free(w->services[i].shares);
		free(w->services[i].dirty);
		free(w->services[i].checks);
	}
	free(w->services);
	free(w->queue);
	free(w->touched);
	free(w->verdicts);
	free(w->percents);
	free(w->first_user);
	free(w->users);
	check_set_unref(w->set);
	config_unref(w->config);
	overrides_unref(w->overrides);
	memset(w, 0, sizeof(*w));
}

struct watched *
watch_find(const struct watch *w, const struct service_key *key)
{
	uint32_t low = 0, high = w->nb_services;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = service_key_compare(&w->services[middle].key, key);

		if (order == 0)
			return &w->services[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

int
watched_find(const struct watched *s, const struct ip_addr *addr)
{
	uint32_t low = 0, high = s->nb;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = ip_addr_compare(&s->addrs[middle], addr);

		if (order == 0)
			return (int)middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

/** What is known of a backend that stays; else as new. */
static void
member_take_over(const struct watched *before, struct watched *s, uint32_t member)
{
	int at = before != NULL ? watched_find(before, &s->addrs[member]) : -1;

	s->told_factors[member] = BACKEND_FACTOR_ONE;
	if (at < 0) {
		guard_member_init(&s->members[member]);
	} else {
		s->members[member] = before->members[at];
		s->suspicions[member] = before->suspicions[at];
	}
	if (s->shares != NULL)
		share_init(s, member, before, at);
	else
		s->members[member].drained = false;
}

/** @return false: out of memory. */
static bool
watched_alloc(struct watched *s, uint32_t nb)
{
	s->addrs = calloc(nb + 1, sizeof(*s->addrs));
	s->members = calloc(nb + 1, sizeof(*s->members));
	s->suspicions = calloc(nb + 1, sizeof(*s->suspicions));
	s->told = calloc(nb + 1, sizeof(*s->told));
	s->told_factors = calloc(nb + 1, sizeof(*s->told_factors));
	s->dirty = calloc(nb + 1, sizeof(*s->dirty));
	s->checks = calloc((size_t)nb * s->conf->nb_checks + 1, sizeof(*s->checks));
	if (watched_has_shares(s->conf)) {
		s->raw_factors = calloc(nb + 1, sizeof(*s->raw_factors));
		s->shares = calloc(nb + 1, sizeof(*s->shares));
		if (s->raw_factors == NULL || s->shares == NULL)
			return false;
	}
	return s->addrs != NULL && s->members != NULL && s->suspicions != NULL && s->told != NULL &&
			s->told_factors != NULL && s->dirty != NULL && s->checks != NULL;
}

static bool
watched_init(struct watched *s, const struct config_service *from, const struct watch *before,
		const struct overrides *overrides)
{
	const struct watched *old = watch_find(before, &from->conf.key);
	uint32_t nb = from->nb_backends;

	s->key = from->conf.key;
	s->conf = from->health;
	s->nb = nb;
	if (!watched_alloc(s, nb))
		return false;
	guard_init(&s->guard);
	if (old != NULL) {
		s->guard = old->guard;
		s->told_advertise = old->told_advertise;
	}
	for (uint32_t i = 0; i < nb; i++) {
		const struct config_backend *b = &from->backends[from->by_addr[i]];
		struct backend_conf conf =
				desired_backend(b, overrides_find(overrides, &s->key, &b->addr));

		s->addrs[i] = b->addr;
		member_take_over(old, s, i);
		s->members[i].counts = conf.admin == ADMIN_ENABLED && conf.weight > 0;
		s->told[i] = watched_effective(s, i);
	}
	return true;
}

static bool
watch_services(struct watch *w, const struct watch *before)
{
	const struct config *config = w->config;

	w->services = calloc(config->nb_services + 1, sizeof(*w->services));
	w->queue = calloc(config->nb_services + 1, sizeof(*w->queue));
	w->touched = calloc(config->nb_services + 1, sizeof(*w->touched));
	if (w->services == NULL || w->queue == NULL || w->touched == NULL)
		return false;
	for (uint32_t i = 0; i < config->nb_services; i++) {
		const struct config_service *from = &config->services[config->by_key[i]];

		if (from->health == NULL)
			continue;
		if (!watched_init(&w->services[w->nb_services++], from, before, w->overrides))
			return false;
	}
	return true;
}

static struct check
check_of(const struct watched *s, uint32_t member, uint32_t check)
{
	return config_check_for(&s->conf->checks[check], &s->addrs[member], s->key.l4_port);
}

/** Collect every check of every backend; each of them once. */
static bool
watch_set(struct watch *w)
{
	struct check *list;
	uint32_t nb = 0;

	for (uint32_t i = 0; i < w->nb_services; i++)
		w->nb_uses += w->services[i].nb * w->services[i].conf->nb_checks;
	list = malloc((w->nb_uses + 1) * sizeof(*list));
	if (list == NULL)
		return false;
	for (uint32_t i = 0; i < w->nb_services; i++) {
		const struct watched *s = &w->services[i];

		for (uint32_t j = 0; j < s->nb * s->conf->nb_checks; j++)
			list[nb++] = check_of(s, j / s->conf->nb_checks, j % s->conf->nb_checks);
	}
	w->set = check_set_make(list, nb);
	free(list);
	return w->set != NULL;
}

/** From backends to checks, and from checks to backends. */
static bool
watch_links(struct watch *w)
{
	uint32_t sum = 0;

	w->first_user = calloc(w->set->nb + 2, sizeof(*w->first_user));
	w->users = calloc(w->nb_uses + 1, sizeof(*w->users));
	w->verdicts = malloc(w->set->nb + 1);
	w->percents = malloc(w->set->nb + 1);
	if (w->first_user == NULL || w->users == NULL || w->verdicts == NULL || w->percents == NULL)
		return false;
	memset(w->percents, AGENT_NO_PERCENT, w->set->nb + 1);
	memset(w->verdicts, HEALTH_UNKNOWN, w->set->nb + 1);
	for (uint32_t i = 0; i < w->nb_services; i++) {
		struct watched *s = &w->services[i];

		for (uint32_t j = 0; j < s->nb * s->conf->nb_checks; j++) {
			struct check check =
					check_of(s, j / s->conf->nb_checks, j % s->conf->nb_checks);

			s->checks[j] = check_set_find(w->set, &check);
			w->first_user[s->checks[j]]++;
		}
	}
	for (uint32_t i = 0; i <= w->set->nb; i++) {
		uint32_t nb = w->first_user[i];

		w->first_user[i] = sum;
		sum += nb;
	}
	/* Fill each range from its begin; then the begins are those of the next range. */
	for (uint32_t i = 0; i < w->nb_services; i++) {
		const struct watched *s = &w->services[i];

		for (uint32_t j = 0; j < s->nb * s->conf->nb_checks; j++)
			w->users[w->first_user[s->checks[j]]++] =
					(struct watch_user){ i, j / s->conf->nb_checks };
	}
	memmove(w->first_user + 1, w->first_user, w->set->nb * sizeof(*w->first_user));
	w->first_user[0] = 0;
	return true;
}

bool
watch_make(struct watch *w, struct config *config, struct overrides *overrides,
		const struct watch *before)
{
	memset(w, 0, sizeof(*w));
	w->config = config_ref(config);
	w->overrides = overrides_ref(overrides);
	if (watch_services(w, before) && watch_set(w) && watch_links(w))
		return true;
	watch_free(w);
	return false;
}
