/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One lock guards what both threads see (struct shared); the checker's thread takes it
 * once an attempt, the main thread for a copy. Everything else belongs to the checker's
 * thread.
 *
 * Being late is measured by a heartbeat: if ten milliseconds have taken 35, something
 * held us up, and what timed out meanwhile may have answered in time.
 */
#include "controlplane/health/checker.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "controlplane/clock.h"
#include "controlplane/health/probe.h"
#include "controlplane/health/verdict.h"

#define HEARTBEAT_S 0.01
#define LATE_US 35000
/** For the API, the store and the dataplane; checks take the rest. */
#define DESCRIPTORS_KEPT 512

/** One check under way; belongs to the checker's thread. */
struct slot {
	struct checker *checker;
	const struct check *check; /* In the set that was taken over. */
	uint32_t index;
	bool running;
	uint16_t to_pass; /* Suspected: so many good attempts in a row clear it; else 0. */
	bool at_once;	  /* Suspected while an attempt ran: the next follows it. */
	struct verdict verdict;
	struct agent_word agent;
	struct probe probe;
	uint64_t started_us;
	ev_timer timer; /* While running: the time is up; else: the next attempt. */
};

/** What both threads see. */
struct shared {
	pthread_mutex_t lock;
	struct check_set *wanted; /* By checker_set(). */
	struct check_set *taken;  /* What states and dirty belong to. */
	struct check_state *states;
	bool *is_dirty;
	uint32_t *dirty;
	uint32_t nb_dirty;
	uint64_t first_us;			   /* When the first of them became so. */
	uint32_t suspects[CHECKER_SUSPECTS_PER_S]; /* Indexes into taken. */
	uint32_t nb_suspects;			   /* In the current second; */
	uint32_t nb_told;			   /* so many of them are attempted. */
	uint64_t suspects_us;			   /* When the current second of them began. */
	struct checker_state self;
	bool stop;
};

struct checker {
	struct shared shared;
	pthread_t thread;
	struct ev_loop *main_loop;
	ev_async to_main;
	void (*changed)(void *context);
	void *context;

	/* The thread's. */
	struct ev_loop *loop;
	struct probe_env *env;
	ev_async to_thread;
	ev_timer heartbeat;
	uint64_t beat_us; /* When the heart beat last. */
	uint64_t late_us; /* When we were found late last. */
	struct slot **slots;
	uint32_t nb_slots;
	uint32_t nb_running;
	uint32_t max_running; /* Descriptors that the rest of the daemon does not need. */
	uint64_t random;
};

/* xorshift64*: spreads attempts, nothing else. */
static double
random_share(struct checker *c)
{
	c->random ^= c->random >> 12;
	c->random ^= c->random << 25;
	c->random ^= c->random >> 27;
	return (double)((c->random * UINT64_C(2685821657736338717)) >> 11) / (double)(1ULL << 53);
}

static void
timer_set(struct checker *c, ev_timer *timer, double after_s)
{
	ev_timer_stop(c->loop, timer);
	ev_now_update(c->loop);
	ev_timer_set(timer, after_s > 0 ? after_s : 0, 0.);
	ev_timer_start(c->loop, timer);
}

/* Telling. */

static void
mark_dirty(struct shared *s, uint32_t index)
{
	if (s->is_dirty[index])
		return;
	if (s->nb_dirty == 0)
		s->first_us = clock_monotonic_us();
	s->is_dirty[index] = true;
	s->dirty[s->nb_dirty++] = index;
}

static void
note_trouble(struct shared *s, const char *why)
{
	s->self.nb_trouble++;
	s->self.trouble_ms = clock_wall_ms();
	snprintf(s->self.trouble, sizeof(s->self.trouble), "%s", why);
}

static void
note_result(struct check_state *state, enum probe_result result)
{
	memmove(&state->recent[1], state->recent, CHECKER_RECENT - 1);
	state->recent[0] = (uint8_t)result;
	if (state->nb_recent < CHECKER_RECENT)
		state->nb_recent++;
}

static void
note_latency(struct check_state *state, uint64_t took_us)
{
	uint64_t before = state->latency_average_us;

	state->latency_us = (uint32_t)took_us;
	state->latency_average_us =
			(uint32_t)(before == 0 ? took_us : (before * 7 + took_us + 4) / 8);
}

/** Write an attempt down. @param changed The verdict is new. */
static void
tell(struct slot *slot, enum probe_result result, const char *why, uint64_t took_us, bool changed)
{
	struct shared *s = &slot->checker->shared;
	struct check_state *state;

	pthread_mutex_lock(&s->lock);
	state = &s->states[slot->index];
	state->tried = true;
	state->nb_attempts++;
	s->self.nb_attempts++;
	state->last_ms = clock_wall_ms();
	state->last_good = result == PROBE_GOOD;
	state->streak = slot->verdict.streak;
	state->certificate_ends_s = slot->probe.peer.ends_s;
	state->agent = slot->agent;
	snprintf(state->why, sizeof(state->why), "%s", why);
	note_result(state, result);
	if (result == PROBE_GOOD)
		note_latency(state, took_us);
	else if (result == PROBE_BAD || result == PROBE_REFUSED)
		state->nb_bad++;
	if (result == PROBE_TROUBLE) {
		state->nb_trouble++;
		note_trouble(s, why);
	}
	if (changed) {
		if (state->health != slot->verdict.health)
			state->changed_ms = state->last_ms;
		state->health = slot->verdict.health;
		mark_dirty(s, slot->index);
	}
	pthread_mutex_unlock(&s->lock);
	if (changed)
		ev_async_send(slot->checker->main_loop, &slot->checker->to_main);
}

/* Attempts. */

/** Seconds from an attempt's begin to the next. */
static double
next_after(struct slot *slot, enum probe_result result)
{
	const struct check *check = slot->check;
	bool is_agent = check->type == CHECK_AGENT;
	double spread = (random_share(slot->checker) - 0.5) * 2. * check->jitter_percent / 100.;

	if (slot->to_pass > 0 && result == PROBE_GOOD)
		return check->fast_interval_ms / 2e3; /* Who is dying is soon dead. */
	if (slot->to_pass > 0 || result == PROBE_TROUBLE ||
			(!is_agent && verdict_in_doubt(&slot->verdict)))
		return check->fast_interval_ms / 1e3;
	return check->interval_ms / 1e3 * (1. + spread);
}

static void
schedule_next(struct slot *slot, enum probe_result result)
{
	double after = next_after(slot, result);
	double since = (double)(clock_monotonic_us() - slot->started_us) / 1e6;

	timer_set(slot->checker, &slot->timer, slot->at_once ? 0. : after - since);
	slot->at_once = false;
}

/**
 * What an agent says holds at once, and until it says something else: that it cannot be asked
 * says nothing.
 * @return true: something is new.
 */
static bool
judge_agent(struct slot *slot, enum probe_result *result, const char **why)
{
	const struct agent_report *report = &slot->probe.agent;
	bool changed;

	slot->to_pass = 0; /* It was asked at once; what it says needs no second time. */
	if (*result != PROBE_GOOD) {
		*result = *result == PROBE_TROUBLE ? PROBE_TROUBLE : PROBE_SILENT;
		return false;
	}
	changed = agent_word_note(&slot->agent, report);
	if (report->health != HEALTH_UNKNOWN && report->health != slot->verdict.health) {
		slot->verdict.health = report->health;
		changed = true;
	}
	if (report->health == HEALTH_DOWN) {
		*result = PROBE_BAD;
		*why = report->why;
	}
	return changed;
}

static bool
judge(struct slot *slot, enum probe_result result)
{
	const struct check *check = slot->check;
	uint16_t fall = slot->to_pass > 0 && result == PROBE_REFUSED ? 1 : check->fall;
	bool changed;

	if (result == PROBE_TROUBLE)
		return false;
	changed = verdict_note(&slot->verdict, check->rise, fall, result == PROBE_GOOD);
	if (slot->verdict.health == HEALTH_DOWN)
		slot->to_pass = 0;		      /* It was found out. */
	else if (slot->to_pass > 0 && !slot->at_once) /* Else it began before the suspicion. */
		slot->to_pass = result == PROBE_GOOD ? slot->to_pass - 1 : check->rise;
	return changed;
}

static void
attempt_end(struct slot *slot, enum probe_result result, const char *why)
{
	bool is_agent = slot->check->type == CHECK_AGENT;
	uint64_t took_us = clock_monotonic_us() - slot->started_us;
	bool changed;

	slot->running = false;
	slot->checker->nb_running--;
	changed = is_agent ? judge_agent(slot, &result, &why) : judge(slot, result);
	tell(slot, result, why, took_us, changed);
	schedule_next(slot, result);
}

static void
on_probe_done(struct probe *probe, enum probe_result result, const char *why)
{
	attempt_end(probe->context, result, why);
}

static void
attempt_start(struct slot *slot)
{
	struct checker *c = slot->checker;

	slot->running = true;
	slot->started_us = clock_monotonic_us();
	c->nb_running++;
	if (c->nb_running > c->max_running) {
		attempt_end(slot, PROBE_TROUBLE, "no file descriptor is left");
		return;
	}
	timer_set(c, &slot->timer, slot->check->timeout_ms / 1e3);
	probe_start(&slot->probe, slot->check);
}

static void
on_timer(struct ev_loop *loop, ev_timer *w, int events)
{
	struct slot *slot = w->data;
	enum probe_result result;
	const char *why;

	(void)loop;
	(void)events;
	if (!slot->running) {
		attempt_start(slot);
		return;
	}
	result = probe_expire(&slot->probe, &why);
	if (slot->checker->late_us >= slot->started_us ||
			clock_monotonic_us() - slot->started_us >
					slot->check->timeout_ms * UINT64_C(1000) + LATE_US)
		attempt_end(slot, PROBE_TROUBLE, "this host was late itself");
	else
		attempt_end(slot, result, why);
}

static void
on_heartbeat(struct ev_loop *loop, ev_timer *w, int events)
{
	struct checker *c = w->data;
	uint64_t now_us = clock_monotonic_us();

	(void)loop;
	(void)events;
	if (now_us - c->beat_us > LATE_US) {
		c->late_us = now_us;
		pthread_mutex_lock(&c->shared.lock);
		c->shared.self.nb_late++;
		pthread_mutex_unlock(&c->shared.lock);
	}
	c->beat_us = now_us;
}

/* Taking a set over. */

static void
slot_free(struct slot *slot)
{
	ev_timer_stop(slot->checker->loop, &slot->timer);
	if (slot->running) {
		probe_stop(&slot->probe);
		slot->checker->nb_running--;
	}
	probe_fini(&slot->probe);
	free(slot);
}

static struct slot *
slot_create(struct checker *c, const struct check *check)
{
	struct slot *slot = calloc(1, sizeof(*slot));

	if (slot == NULL)
		return NULL;
	slot->checker = c;
	slot->check = check;
	verdict_init(&slot->verdict);
	agent_word_init(&slot->agent);
	probe_init(&slot->probe, c->env, on_probe_done, slot);
	ev_timer_init(&slot->timer, on_timer, 0., 0.);
	slot->timer.data = slot;
	return slot;
}

/** What a set needs, allocated before anything is changed. */
struct takeover {
	struct slot **slots;
	struct check_state *states;
	bool *is_dirty;
	uint32_t *dirty;
};

static bool
takeover_alloc(struct takeover *t, uint32_t nb)
{
	t->slots = calloc(nb + 1, sizeof(struct slot *));
	t->states = calloc(nb + 1, sizeof(*t->states));
	t->is_dirty = calloc(nb + 1, sizeof(*t->is_dirty));
	t->dirty = calloc(nb + 1, sizeof(*t->dirty));
	return t->slots != NULL && t->states != NULL && t->is_dirty != NULL && t->dirty != NULL;
}

static void
takeover_free(struct takeover *t)
{
	free(t->slots);
	free(t->states);
	free(t->is_dirty);
	free(t->dirty);
}

/** New slots where there were none; @return false: out of memory, they are freed again. */
static bool
takeover_slots(struct checker *c, struct takeover *t, const struct check_set *set)
{
	uint32_t old = 0;

	for (uint32_t i = 0; i < set->nb; i++) {
		while (old < c->nb_slots && check_compare(c->slots[old]->check, &set->list[i]) < 0)
			old++;
		if (old < c->nb_slots && check_compare(c->slots[old]->check, &set->list[i]) == 0)
			continue; /* It stays. */
		t->slots[i] = slot_create(c, &set->list[i]);
		if (t->slots[i] == NULL) {
			for (uint32_t j = 0; j < i; j++) {
				if (t->slots[j] != NULL)
					slot_free(t->slots[j]);
			}
			return false;
		}
	}
	return true;
}

/** Move what stays, start what is new, end what goes. Under the lock. */
static void
takeover_merge(struct checker *c, struct takeover *t, struct check_set *set)
{
	struct shared *s = &c->shared;
	uint32_t old = 0;

	for (uint32_t i = 0; i < set->nb; i++) {
		while (t->slots[i] == NULL &&
				check_compare(c->slots[old]->check, &set->list[i]) < 0)
			slot_free(c->slots[old++]);
		if (t->slots[i] == NULL) {
			t->slots[i] = c->slots[old];
			t->states[i] = s->states[old++];
			t->slots[i]->check = &set->list[i];
			t->slots[i]->probe.check = &set->list[i];
		} else {
			t->states[i].health = HEALTH_UNKNOWN;
			agent_word_init(&t->states[i].agent);
			timer_set(c, &t->slots[i]->timer,
					random_share(c) * set->list[i].interval_ms / 1e3);
		}
		t->slots[i]->index = i;
		if (t->states[i].health != HEALTH_UNKNOWN || t->states[i].agent.known) {
			t->is_dirty[i] = true;
			t->dirty[s->nb_dirty++] = i;
		}
	}
	while (old < c->nb_slots)
		slot_free(c->slots[old++]);
}

static void
take_over(struct checker *c, struct check_set *set)
{
	struct shared *s = &c->shared;
	struct takeover t = { .slots = NULL };

	if (!takeover_alloc(&t, set->nb) || !takeover_slots(c, &t, set)) {
		takeover_free(&t);
		note_trouble(s, "out of memory for new checks");
		return; /* What was there goes on; the next wake tries again. */
	}
	s->nb_dirty = 0;
	s->nb_told = s->nb_suspects; /* Their indexes are of the old set. */
	s->first_us = clock_monotonic_us();
	takeover_merge(c, &t, set);
	check_set_unref(s->taken);
	s->taken = check_set_ref(set);
	free(c->slots);
	free(s->states);
	free(s->is_dirty);
	free(s->dirty);
	c->slots = t.slots;
	c->nb_slots = set->nb;
	s->states = t.states;
	s->is_dirty = t.is_dirty;
	s->dirty = t.dirty;
	s->self.nb_checks = set->nb;
}

static void
suspect(struct slot *slot)
{
	slot->to_pass = slot->check->rise;
	if (slot->running)
		slot->at_once = true;
	else
		timer_set(slot->checker, &slot->timer, 0.);
}

static void
on_thread_wake(struct ev_loop *loop, ev_async *w, int events)
{
	struct checker *c = w->data;
	struct shared *s = &c->shared;

	(void)events;
	pthread_mutex_lock(&s->lock);
	if (s->stop)
		ev_break(loop, EVBREAK_ALL);
	if (s->wanted != NULL && s->wanted != s->taken)
		take_over(c, s->wanted);
	while (s->nb_told < s->nb_suspects)
		suspect(c->slots[s->suspects[s->nb_told++]]);
	pthread_mutex_unlock(&s->lock);
	if (c->nb_slots > 0 && !ev_is_active(&c->heartbeat)) {
		c->beat_us = clock_monotonic_us();
		ev_timer_again(loop, &c->heartbeat);
	} else if (c->nb_slots == 0) {
		ev_timer_stop(loop, &c->heartbeat);
	}
	ev_async_send(c->main_loop, &c->to_main);
}

static void *
run(void *arg)
{
	struct checker *c = arg;

	ev_run(c->loop, 0);
	return NULL;
}

/* The main thread's side. */

static void
on_main_wake(struct ev_loop *loop, ev_async *w, int events)
{
	struct checker *c = w->data;

	(void)loop;
	(void)events;
	c->changed(c->context);
}

static uint32_t
descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return DESCRIPTORS_KEPT;
	if (limit.rlim_cur <= 2 * DESCRIPTORS_KEPT)
		return (uint32_t)limit.rlim_cur / 2;
	return limit.rlim_cur > UINT32_MAX ? UINT32_MAX
					   : (uint32_t)limit.rlim_cur - DESCRIPTORS_KEPT;
}

static int
start_thread(struct checker *c)
{
	sigset_t all, before;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(&c->thread, NULL, run, c);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ret;
}

struct checker *
checker_create(struct ev_loop *loop, const char *pinger, void (*changed)(void *context),
		void *context)
{
	struct checker *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->main_loop = loop;
	c->changed = changed;
	c->context = context;
	c->random = clock_monotonic_us() | 1;
	c->max_running = descriptors();
	pthread_mutex_init(&c->shared.lock, NULL);
	c->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	if (c->loop == NULL)
		goto err_free;
	c->env = probe_env_create(c->loop, pinger);
	if (c->env == NULL)
		goto err_loop;
	ev_async_init(&c->to_main, on_main_wake);
	ev_set_priority(&c->to_main, EV_MAXPRI);
	ev_async_init(&c->to_thread, on_thread_wake);
	ev_timer_init(&c->heartbeat, on_heartbeat, HEARTBEAT_S, HEARTBEAT_S);
	ev_set_priority(&c->heartbeat, EV_MAXPRI);
	c->to_main.data = c;
	c->to_thread.data = c;
	c->heartbeat.data = c;
	ev_async_start(c->loop, &c->to_thread);
	if (start_thread(c) != 0)
		goto err_env;
	ev_async_start(loop, &c->to_main);
	return c;

err_env:
	probe_env_destroy(c->env);
err_loop:
	ev_loop_destroy(c->loop);
err_free:
	pthread_mutex_destroy(&c->shared.lock);
	free(c);
	return NULL;
}

void
checker_destroy(struct checker *c)
{
	struct shared *s;

	if (c == NULL)
		return;
	s = &c->shared;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_mutex_unlock(&s->lock);
	ev_async_send(c->loop, &c->to_thread);
	pthread_join(c->thread, NULL);
	ev_async_stop(c->main_loop, &c->to_main);
	for (uint32_t i = 0; i < c->nb_slots; i++)
		slot_free(c->slots[i]);
	free(c->slots);
	probe_env_destroy(c->env);
	ev_loop_destroy(c->loop);
	check_set_unref(s->wanted);
	check_set_unref(s->taken);
	free(s->states);
	free(s->is_dirty);
	free(s->dirty);
	pthread_mutex_destroy(&s->lock);
	free(c);
}

void
checker_set(struct checker *c, struct check_set *set)
{
	pthread_mutex_lock(&c->shared.lock);
	check_set_ref(set);
	check_set_unref(c->shared.wanted);
	c->shared.wanted = set;
	pthread_mutex_unlock(&c->shared.lock);
	ev_async_send(c->loop, &c->to_thread);
}

uint32_t
checker_take(struct checker *c, struct checker_verdict *out, uint32_t room, uint64_t *first_us)
{
	struct shared *s = &c->shared;
	uint32_t nb = 0;

	pthread_mutex_lock(&s->lock);
	if (s->wanted == s->taken && s->nb_dirty > 0 && room > 0)
		*first_us = s->first_us;
	while (s->wanted == s->taken && s->nb_dirty > 0 && nb < room) {
		uint32_t index = s->dirty[--s->nb_dirty];

		s->is_dirty[index] = false;
		out[nb++] = (struct checker_verdict){ .index = index,
			.health = s->states[index].health,
			.percent = agent_word_percent(&s->states[index].agent) };
	}
	pthread_mutex_unlock(&s->lock);
	return nb;
}

bool
checker_look(struct checker *c, uint32_t index, struct check_state *out)
{
	struct shared *s = &c->shared;
	bool found;

	pthread_mutex_lock(&s->lock);
	found = s->taken != NULL && s->wanted == s->taken && index < s->taken->nb;
	if (found)
		*out = s->states[index];
	pthread_mutex_unlock(&s->lock);
	return found;
}

void
checker_suspect(struct checker *c, uint32_t index)
{
	struct shared *s = &c->shared;
	uint64_t now_us = clock_monotonic_us();

	pthread_mutex_lock(&s->lock);
	if (now_us - s->suspects_us >= 1000000) {
		/* What was not told yet was asked for within this second too. */
		memmove(s->suspects, &s->suspects[s->nb_told],
				(s->nb_suspects - s->nb_told) * sizeof(*s->suspects));
		s->nb_suspects -= s->nb_told;
		s->nb_told = 0;
		s->suspects_us = now_us;
	}
	if (s->taken != NULL && s->wanted == s->taken && index < s->taken->nb &&
			s->nb_suspects < CHECKER_SUSPECTS_PER_S)
		s->suspects[s->nb_suspects++] = index;
	pthread_mutex_unlock(&s->lock);
	ev_async_send(c->loop, &c->to_thread);
}

void
checker_state(struct checker *c, struct checker_state *out)
{
	pthread_mutex_lock(&c->shared.lock);
	*out = c->shared.self;
	pthread_mutex_unlock(&c->shared.lock);
}
