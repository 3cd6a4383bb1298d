/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * From verdicts to what forwarding is told, at a cost that follows what has changed: a verdict
 * marks the backends that it is about, and queues their services. A queued service is judged:
 * the marked backends are observed anew from the verdicts, which are kept here, so that no
 * lock is taken; its guard looks at all of its backends; those that are to be told something
 * else are recorded, and the service is touched: health_judge_changes() will look at it.
 *
 * Watchers of ours have a higher priority than those that serve people: what a list of ten
 * thousand backends delays is at most what has begun.
 */
#include "controlplane/daemon/health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/service_id.h"

#include "controlplane/clock.h"
#include "controlplane/daemon/events.h"
#include "controlplane/daemon/health_private.h"
#include "controlplane/daemon/health_record.h"
#include "controlplane/daemon/log.h"

/** Verdicts that are taken from the checker in one go. */
#define TAKEN_AT_ONCE 256

static uint64_t
now_ms(void)
{
	return clock_monotonic_us() / 1000;
}

/* Judging. */

/** Judge a service soon. */
static void
enqueue(struct health *h, struct watched *s)
{
	if (s->queued)
		return;
	s->queued = true;
	h->watch.queue[h->watch.nb_queue++] = (uint32_t)(s - h->watch.services);
}

uint8_t
watched_effective(const struct watched *s, uint32_t member)
{
	const struct guard_member *m = &s->members[member];

	if (m->effective == HEALTH_UNKNOWN && m->judged == HEALTH_UNKNOWN &&
			s->conf->initially_down)
		return HEALTH_DOWN;
	return m->effective;
}

/** What the checks of a backend say together. An agent's `down` suffices; its `up` proves nothing. */
static uint8_t
combine(const struct watch *w, const struct watched *s, uint32_t member)
{
	uint32_t nb = s->conf->nb_checks, nb_up = 0, nb_down = 0, nb_agents = 0;
	bool agent_up = false;

	for (uint32_t i = 0; i < nb; i++) {
		uint8_t health = w->verdicts[s->checks[member * nb + i]];

		if (s->conf->checks[i].type == CHECK_AGENT) {
			if (health == HEALTH_DOWN)
				return HEALTH_DOWN;
			agent_up |= health == HEALTH_UP;
			nb_agents++;
			continue;
		}
		nb_up += health == HEALTH_UP;
		nb_down += health == HEALTH_DOWN;
	}
	nb -= nb_agents;
	if (nb == 0)
		return agent_up ? HEALTH_UP : HEALTH_UNKNOWN;
	if (s->conf->combine == COMBINE_ALL)
		return nb_down > 0 ? HEALTH_DOWN : nb_up == nb ? HEALTH_UP : HEALTH_UNKNOWN;
	return nb_up > 0 ? HEALTH_UP : nb_down == nb ? HEALTH_DOWN : HEALTH_UNKNOWN;
}

/** Of the check that made it down; "" if none did. */
static void
why_down(const struct health *h, const struct watched *s, uint32_t member, char *why)
{
	uint32_t nb = s->conf->nb_checks;
	struct check_state state;

	for (uint32_t i = nb; i-- > 0;) {
		if (checker_look(h->checker, s->checks[member * nb + i], &state) &&
				state.health == HEALTH_DOWN) {
			memcpy(why, state.why, CHECK_WHY_SIZE);
			return;
		}
	}
}

static void
tell_guard(struct health *h, const struct watched *s, bool was_open)
{
	char id[SERVICE_ID_STRLEN], text[256];
	bool is_open = s->guard.fail_open;

	if (is_open == was_open)
		return;
	service_id_format(&s->key, id);
	if (is_open)
		snprintf(text, sizeof(text),
				"service %s: only %u of %u backends are healthy, fewer than "
				"min-healthy: all of them get traffic",
				id, s->guard.nb_up, s->guard.nb_members);
	else
		snprintf(text, sizeof(text), "service %s: enough backends are healthy again", id);
	log_line(is_open ? LOG_ERR : LOG_NOTICE, "health: %s", text);
	events_add(h->events, "service.fail_open",
			json_pack("{s:s, s:b}", "service", id, "fail_open", is_open), "%s", text);
}

static void
record(struct health *h, const struct watched *s, uint32_t member, uint8_t was)
{
	struct health_change change = {
		.service = s->key, .backend = s->addrs[member], .was = was, .now = s->told[member]
	};

	if (s->guard.fail_open && change.now == HEALTH_UNKNOWN)
		snprintf(change.why, sizeof(change.why), "%s",
				"fail open: fewer than min-healthy are up");
	else
		why_down(h, s, member, change.why);
	if (change.now == HEALTH_DOWN)
		change.suspect = watched_suspected_lately(s, member);
	health_record_add(h->record, &change);
}

/** An agent drains a backend, or no longer. */
static void
record_agent(struct health *h, const struct watched *s, uint32_t member)
{
	struct health_change change = { .service = s->key,
		.backend = s->addrs[member],
		.agent = s->members[member].drained ? "wants no new flows"
						    : "wants new flows again" };

	health_record_add(h->record, &change);
	h->is_news = true;
}

/** Observe the backends with new verdicts. */
static void
observe(struct health *h, struct watched *s)
{
	const bool *dirty;

	for (uint32_t i = 0; i < s->nb && (dirty = memchr(s->dirty + i, true, s->nb - i)) != NULL;
			i++) {
		i = (uint32_t)(dirty - s->dirty);
		s->dirty[i] = false;
		s->members[i].observed = combine(&h->watch, s, i);
		if (s->shares != NULL && share_observe(&h->watch, s, i))
			record_agent(h, s, i);
	}
}

bool
watched_takes_flows(const struct watched *s, uint32_t member)
{
	const struct guard_member *m = &s->members[member];

	return m->counts && !m->drained && s->told[member] != HEALTH_DOWN;
}

static bool
anybody_takes_flows(const struct watched *s)
{
	for (uint32_t i = 0; i < s->nb; i++) {
		if (watched_takes_flows(s, i))
			return true;
	}
	return false;
}

/**
 * Where there is another balancer whose checks see more of the backends, it shall have the
 * packets. @return true: routers are to hear of the service otherwise than before.
 */
static bool
judge_advertise(struct health *h, struct watched *s)
{
	bool is_failing = s->guard.fail_open || !anybody_takes_flows(s);
	uint8_t was = s->told_advertise;
	char id[SERVICE_ID_STRLEN], text[256];

	s->told_advertise = is_failing ? s->conf->advertise_failing : ADVERTISE_PREFERRED;
	if (s->told_advertise == was)
		return false;
	service_id_format(&s->key, id);
	snprintf(text, sizeof(text), "service %s: advertised as %s, was %s", id,
			service_advertise_name(s->told_advertise), service_advertise_name(was));
	log_line(is_failing ? LOG_WARNING : LOG_NOTICE, "health: %s", text);
	events_add(h->events, "service.advertise",
			json_pack("{s:s, s:s, s:s}", "service", id, "advertise",
					service_advertise_name(s->told_advertise), "was",
					service_advertise_name(was)),
			"%s", text);
	h->is_news = true;
	return true;
}

/** health_judge_changes() will look at it. */
static void
touch(struct watch *w, struct watched *s)
{
	if (!s->touched)
		w->touched[w->nb_touched++] = (uint32_t)(s - w->services);
	s->touched = true;
}

/** Judge again when the guard or a slow start wants it. */
static void
set_again(struct health *h, struct watched *s, uint64_t now)
{
	uint64_t at = s->guard.again_ms;

	if (s->grow_ms != 0 && (at == 0 || s->grow_ms < at))
		at = s->grow_ms;
	ev_timer_stop(h->loop, &s->again);
	if (at == 0)
		return;
	ev_timer_set(&s->again, at > now ? (double)(at - now) / 1e3 : 0.001, 0.);
	ev_timer_start(h->loop, &s->again);
}

static void
judge_service(struct health *h, struct watched *s)
{
	struct watch *w = &h->watch;
	bool was_open = s->guard.fail_open;
	uint64_t now = now_ms();

	observe(h, s);
	guard_update(&s->guard, &s->conf->guard, s->members, s->nb, now);
	tell_guard(h, s, was_open);
	for (uint32_t i = 0; i < s->nb; i++) {
		uint8_t was = s->told[i];

		s->told[i] = watched_effective(s, i);
		if (s->told[i] == was)
			continue;
		record(h, s, i, was);
		touch(w, s);
		h->is_news = true;
	}
	if (s->shares != NULL && shares_update(s, now))
		touch(w, s);
	if (judge_advertise(h, s))
		touch(w, s);
	set_again(h, s, now);
}

void
health_judge_queue(struct health *h)
{
	struct watch *w = &h->watch;
	uint64_t since_us = h->since_us != 0 ? h->since_us : clock_monotonic_us();

	h->since_us = 0;
	h->is_news = false;
	while (w->nb_queue > 0) {
		struct watched *s = &w->services[w->queue[--w->nb_queue]];

		s->queued = false;
		judge_service(h, s);
	}
	if (w->nb_touched > 0)
		h->changed(h->context, h->is_news ? since_us : 0);
}

static void
on_judge(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	health_judge_queue(w->data);
}

/** The time of a guard or a slow start has come. All those of this moment are judged before forwarding is told. */
static void
on_again(struct ev_loop *loop, ev_timer *w, int events)
{
	struct watched *s = w->data;

	(void)events;
	enqueue(s->health, s);
	ev_feed_event(loop, &s->health->judge, EV_CUSTOM);
}

static void
take_verdict(struct health *h, const struct checker_verdict *v)
{
	struct watch *w = &h->watch;

	w->verdicts[v->index] = v->health;
	w->percents[v->index] = v->percent;
	for (uint32_t i = w->first_user[v->index]; i < w->first_user[v->index + 1]; i++) {
		struct watched *s = &w->services[w->users[i].service];

		s->dirty[w->users[i].member] = true;
		enqueue(h, s);
	}
}

static void
on_verdicts(void *context)
{
	struct health *h = context;
	struct checker_verdict verdicts[TAKEN_AT_ONCE];
	uint64_t first_us = 0;
	uint32_t nb;

	while ((nb = checker_take(h->checker, verdicts, TAKEN_AT_ONCE, &first_us)) > 0) {
		if (h->since_us == 0 || first_us < h->since_us)
			h->since_us = first_us;
		for (uint32_t i = 0; i < nb; i++)
			take_verdict(h, &verdicts[i]);
	}
	health_judge_queue(h);
}

/** No timer of a watch that is to be freed may run, nor what it has fed. */
static void
watch_stop(struct health *h)
{
	for (uint32_t i = 0; i < h->watch.nb_services; i++) {
		ev_clear_pending(h->loop, &h->watch.services[i].again);
		ev_timer_stop(h->loop, &h->watch.services[i].again);
	}
	ev_clear_pending(h->loop, &h->judge);
}

/* Telling. */

/** What a backend is to have. @param at Its index; -1: it is not checked yet, but will be. */
static struct backend_conf
told(const struct watched *s, int at, const struct backend_conf *now)
{
	struct backend_conf conf = *now;

	if (at >= 0) {
		conf.health = s->told[at];
		conf.factor = s->told_factors[at];
	} else {
		conf.factor = share_first(s->conf);
	}
	return conf;
}

/** Set how a service in a state is advertised. @return false: out of memory. */
static bool
tell_advertise(const struct watched *s, struct desired *desired, uint32_t place)
{
	struct desired_service *own;

	if (desired->services[place]->conf.advertise == s->told_advertise)
		return true;
	own = desired_own(desired, place);
	if (own != NULL)
		own->conf.advertise = s->told_advertise;
	return own != NULL;
}

/** Set a service and its backends in a state. Both are sorted. @return false: out of memory. */
static bool
tell(const struct watched *s, struct desired *desired, uint32_t place)
{
	const struct desired_service *service;
	struct desired_service *own;
	uint32_t at = 0;

	if (!tell_advertise(s, desired, place))
		return false;
	service = desired->services[place];
	for (uint32_t i = 0; i < service->nb; i++) {
		struct backend_conf conf;
		int order = 1;

		while (at < s->nb &&
				(order = ip_addr_compare(
						 &s->addrs[at], &service->members[i].addr)) < 0)
			at++;
		conf = told(s, order == 0 ? (int)at : -1, &service->members[i]);
		if (memcmp(&conf, &service->members[i], sizeof(conf)) == 0)
			continue;
		own = desired_own(desired, place);
		if (own == NULL)
			return false;
		own->members[i] = conf;
		service = own;
	}
	return true;
}

void
health_judge(const struct health *h, struct desired *desired)
{
	const struct watch *w = &h->watch;
	uint32_t at = 0;

	for (uint32_t i = 0; i < desired->nb_services; i++) {
		const struct service_key *key = &desired->services[i]->conf.key;
		int order = 1;

		while (at < w->nb_services &&
				(order = service_key_compare(&w->services[at].key, key)) < 0)
			at++;
		/* Being made, it shares nothing: there is nothing to allocate. */
		if (order == 0)
			(void)tell(&w->services[at], desired, i);
	}
}

bool
health_judge_changes(struct health *h, struct desired *desired)
{
	struct watch *w = &h->watch;

	for (uint32_t i = 0; i < w->nb_touched; i++) {
		const struct watched *s = &w->services[w->touched[i]];
		int place = desired_find(desired, &s->key);

		if (place >= 0 && !tell(s, desired, (uint32_t)place))
			return false;
	}
	while (w->nb_touched > 0)
		w->services[w->touched[--w->nb_touched]].touched = false;
	return true;
}

bool
health_use(struct health *h, struct config *config, struct overrides *overrides)
{
	struct watch new;

	if (h->watch.config == config && h->watch.overrides == overrides)
		return false;
	if (!watch_make(&new, config, overrides, &h->watch)) {
		log_line(LOG_ERR, "health: out of memory; new backends are not checked");
		return false;
	}
	watch_stop(h);
	watch_free(&h->watch);
	h->watch = new;
	checker_set(h->checker, new.set);
	for (uint32_t i = 0; i < new.nb_services; i++) {
		struct watched *s = &h->watch.services[i];

		s->health = h;
		ev_timer_init(&s->again, on_again, 0., 0.);
		ev_set_priority(&s->again, EV_MAXPRI);
		s->again.data = s;
		memset(s->dirty, true, s->nb);
		enqueue(h, s);
	}
	ev_feed_event(h->loop, &h->judge, EV_CUSTOM);
	return true;
}

void
health_tell(const struct health *h, const struct service_key *service, struct backend_conf *backend)
{
	const struct watched *s = watch_find(&h->watch, service);
	int at = s != NULL ? watched_find(s, &backend->addr) : -1;

	backend->health = at >= 0 ? s->told[at] : HEALTH_UNKNOWN;
	backend->factor = at >= 0 ? s->told_factors[at] : BACKEND_FACTOR_ONE;
}

/* Life. */

struct health *
health_create(struct ev_loop *loop, struct store *store, struct events *events, const char *pinger,
		void (*changed)(void *context, uint64_t since_us), void *context)
{
	struct health *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->loop = loop;
	h->changed = changed;
	h->context = context;
	ev_timer_init(&h->judge, on_judge, 0., 0.);
	ev_set_priority(&h->judge, EV_MAXPRI - 1); /* After the timers of all guards. */
	h->judge.data = h;
	h->events = events;
	h->record = health_record_create(loop, store, events);
	h->checker = checker_create(loop, pinger, on_verdicts, h);
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
	watch_stop(h);
	health_record_destroy(h->record);
	watch_free(&h->watch);
	free(h);
}
