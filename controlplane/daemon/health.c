/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Only services that have checks are kept here, sorted by key, their backends by address.
 * A verdict finds its services by a table from checks to services; those are judged anew
 * as a whole. A new configuration makes a new table, and takes over what the guards know
 * of backends that stay.
 */
#include "controlplane/daemon/health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/clock.h"
#include "controlplane/daemon/health_private.h"
#include "controlplane/daemon/health_record.h"
#include "controlplane/daemon/log.h"
#include "controlplane/daemon/service_id.h"

/** Verdicts that are taken from the checker in one go. */
#define TAKEN_AT_ONCE 256

static uint64_t
now_ms(void)
{
	return clock_monotonic_us() / 1000;
}

void
watch_free(struct watch *w)
{
	for (uint32_t i = 0; i < w->nb_services; i++) {
		free(w->services[i].addrs);
		free(w->services[i].members);
		free(w->services[i].suspicions);
		free(w->services[i].checks);
	}
	free(w->services);
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

/* Making a watch. */

/** What is known of a backend that stays; else as new. */
static void
member_take_over(const struct watched *before, struct watched *s, uint32_t member)
{
	int at = before != NULL ? watched_find(before, &s->addrs[member]) : -1;

	if (at < 0) {
		guard_member_init(&s->members[member]);
		return;
	}
	s->members[member] = before->members[at];
	s->suspicions[member] = before->suspicions[at];
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
	s->addrs = calloc(nb + 1, sizeof(*s->addrs));
	s->members = calloc(nb + 1, sizeof(*s->members));
	s->suspicions = calloc(nb + 1, sizeof(*s->suspicions));
	s->checks = calloc((size_t)nb * s->conf->nb_checks + 1, sizeof(*s->checks));
	if (s->addrs == NULL || s->members == NULL || s->suspicions == NULL || s->checks == NULL)
		return false;
	guard_init(&s->guard);
	if (old != NULL)
		s->guard = old->guard;
	for (uint32_t i = 0; i < nb; i++) {
		const struct config_backend *b = &from->backends[from->by_addr[i]];
		struct backend_conf conf =
				desired_backend(b, overrides_find(overrides, &s->key, &b->addr));

		s->addrs[i] = b->addr;
		member_take_over(old, s, i);
		s->members[i].counts = conf.admin == ADMIN_ENABLED && conf.weight > 0;
	}
	return true;
}

static bool
watch_services(struct watch *w, const struct watch *before)
{
	const struct config *config = w->config;

	w->services = calloc(config->nb_services + 1, sizeof(*w->services));
	if (w->services == NULL)
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

/** From backends to checks, and from checks to services. */
static bool
watch_links(struct watch *w)
{
	uint32_t sum = 0;

	w->first_user = calloc(w->set->nb + 2, sizeof(*w->first_user));
	w->users = calloc(w->nb_uses + 1, sizeof(*w->users));
	if (w->first_user == NULL || w->users == NULL)
		return false;
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
			w->users[w->first_user[s->checks[j]]++] = i;
	}
	memmove(w->first_user + 1, w->first_user, w->set->nb * sizeof(*w->first_user));
	w->first_user[0] = 0;
	return true;
}

void
health_use(struct health *h, struct config *config, struct overrides *overrides)
{
	struct watch new = { .nb_services = 0 };

	if (h->watch.config == config && h->watch.overrides == overrides)
		return;
	new.config = config_ref(config);
	new.overrides = overrides_ref(overrides);
	if (!watch_services(&new, &h->watch) || !watch_set(&new) || !watch_links(&new)) {
		log_line(LOG_ERR, "health: out of memory; new backends are not checked");
		watch_free(&new);
		return;
	}
	watch_free(&h->watch);
	h->watch = new;
	checker_set(h->checker, new.set);
	for (uint32_t i = 0; i < new.nb_services; i++)
		h->watch.services[i].dirty = true;
	h->renewed = true;
	ev_feed_event(h->loop, &h->again, EV_CUSTOM);
}

/* Judging. */

uint8_t
watched_effective(const struct watched *s, uint32_t member)
{
	const struct guard_member *m = &s->members[member];

	if (m->effective == HEALTH_UNKNOWN && m->judged == HEALTH_UNKNOWN &&
			s->conf->initially_down)
		return HEALTH_DOWN;
	return m->effective;
}

/** What the checks of a backend say together. @param why Of the check that decides. */
static uint8_t
combine(const struct health *h, const struct watched *s, uint32_t member, char *why)
{
	uint32_t nb = s->conf->nb_checks, nb_up = 0, nb_down = 0;

	why[0] = '\0';
	for (uint32_t i = 0; i < nb; i++) {
		struct check_state state;

		if (!checker_look(h->checker, s->checks[member * nb + i], &state))
			return HEALTH_UNKNOWN;
		nb_up += state.health == HEALTH_UP;
		nb_down += state.health == HEALTH_DOWN;
		if (state.health == HEALTH_DOWN)
			memcpy(why, state.why, sizeof(state.why));
	}
	if (s->conf->combine == COMBINE_ALL)
		return nb_down > 0 ? HEALTH_DOWN : nb_up == nb ? HEALTH_UP : HEALTH_UNKNOWN;
	return nb_up > 0 ? HEALTH_UP : nb_down == nb ? HEALTH_DOWN : HEALTH_UNKNOWN;
}

static void
log_guard(const struct watched *s, bool was_open)
{
	char id[SERVICE_ID_STRLEN];

	if (s->guard.fail_open == was_open)
		return;
	service_id_format(&s->key, id);
	if (s->guard.fail_open)
		log_line(LOG_ERR,
				"health: service %s: only %u of %u backends are healthy, fewer than "
				"min-healthy: all of them get traffic",
				id, s->guard.nb_up, s->guard.nb_members);
	else
		log_line(LOG_NOTICE, "health: service %s: enough backends are healthy again", id);
}

/** @return true: forwarding is to be told. */
static bool
judge_service(struct health *h, struct watched *s)
{
	char(*why)[sizeof(((struct check_state *)NULL)->why)] = calloc(s->nb + 1, sizeof(*why));
	uint8_t *before = calloc(s->nb + 1, sizeof(*before));
	bool was_open = s->guard.fail_open, changed = false;

	if (why == NULL || before == NULL)
		goto out; /* It stays dirty: tried again at the next event. */
	s->dirty = false;
	for (uint32_t i = 0; i < s->nb; i++) {
		before[i] = watched_effective(s, i);
		s->members[i].observed = combine(h, s, i, why[i]);
	}
	guard_update(&s->guard, &s->conf->guard, s->members, s->nb, now_ms());
	log_guard(s, was_open);
	for (uint32_t i = 0; i < s->nb; i++) {
		uint8_t now = watched_effective(s, i);
		struct health_change change;

		if (now == before[i])
			continue;
		changed = true;
		change = (struct health_change){ .service = &s->key,
			.backend = &s->addrs[i],
			.was = before[i],
			.now = now,
			.why = s->guard.fail_open && now == HEALTH_UNKNOWN
					? "fail open: fewer than min-healthy are up"
					: why[i],
			.suspect = now == HEALTH_DOWN ? watched_suspected_lately(s, i) : NULL };
		health_record_add(h->record, &change);
	}
out:
	free(why);
	free(before);
	return changed;
}

/** Judge what is dirty, or whose time has come; look again when the next one's comes. */
static void
judge_all(struct health *h)
{
	uint64_t now = now_ms(), next = 0;
	bool changed = h->renewed; /* Services may have lost their checks. */

	h->renewed = false;
	for (uint32_t i = 0; i < h->watch.nb_services; i++) {
		struct watched *s = &h->watch.services[i];

		if (s->dirty || (s->guard.again_ms != 0 && s->guard.again_ms <= now))
			changed |= judge_service(h, s);
		if (s->guard.again_ms != 0 && (next == 0 || s->guard.again_ms < next))
			next = s->guard.again_ms;
	}
	ev_timer_stop(h->loop, &h->again);
	if (next != 0) {
		ev_timer_set(&h->again, next > now ? (double)(next - now) / 1e3 : 0.001, 0.);
		ev_timer_start(h->loop, &h->again);
	}
	if (changed)
		h->changed(h->context, h->since_us != 0 ? h->since_us : clock_monotonic_us());
	h->since_us = 0;
}

static void
mark_users(struct health *h, uint32_t check)
{
	for (uint32_t i = h->watch.first_user[check]; i < h->watch.first_user[check + 1]; i++)
		h->watch.services[h->watch.users[i]].dirty = true;
}

static void
on_again(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	judge_all(w->data);
}

static void
on_verdicts(void *context)
{
	struct health *h = context;
	uint32_t indexes[TAKEN_AT_ONCE], nb;
	uint64_t first_us = 0;

	while ((nb = checker_take(h->checker, indexes, TAKEN_AT_ONCE, &first_us)) > 0) {
		if (h->since_us == 0 || first_us < h->since_us)
			h->since_us = first_us;
		for (uint32_t i = 0; i < nb; i++)
			mark_users(h, indexes[i]);
	}
	judge_all(h);
}

void
health_judge(const struct health *h, struct desired *desired)
{
	for (uint32_t i = 0; i < desired->nb_services; i++) {
		struct desired_service *service = desired->services[i];
		const struct watched *s = watch_find(&h->watch, &service->conf.key);

		for (uint32_t j = 0; s != NULL && j < service->nb; j++) {
			struct backend_conf *conf = &service->members[j];
			int at = watched_find(s, &conf->addr);

			if (at >= 0)
				conf->health = watched_effective(s, (uint32_t)at);
		}
	}
}

uint8_t
health_of(const struct health *h, const struct service_key *service, const struct ip_addr *backend)
{
	const struct watched *s = watch_find(&h->watch, service);
	int at = s != NULL ? watched_find(s, backend) : -1;

	return at >= 0 ? watched_effective(s, (uint32_t)at) : HEALTH_UNKNOWN;
}

/* Life. */

struct health *
health_create(struct ev_loop *loop, struct store *store,
		void (*changed)(void *context, uint64_t since_us), void *context)
{
	struct health *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->loop = loop;
	h->changed = changed;
	h->context = context;
	ev_timer_init(&h->again, on_again, 0., 0.);
	h->again.data = h;
	h->record = health_record_create(loop, store);
	h->checker = checker_create(loop, on_verdicts, h);
	if (h->record == NULL || h->checker == NULL) {
		health_destroy(h);
		return NULL;
	}
	return h;
}

void
health_destroy(struct health *h)
{
	if (h == NULL)
		return;
	checker_destroy(h->checker);
	ev_timer_stop(h->loop, &h->again);
	health_record_destroy(h->record);
	watch_free(&h->watch);
	free(h);
}
