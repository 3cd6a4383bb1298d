/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/clock.h"

#include "service/service_id.h"

#include "controlplane/daemon/health_private.h"
#include "controlplane/daemon/json_text.h"

/** Trouble of the checker is a problem for so long. */
#define TROUBLE_MS 60000
/** A certificate that ends within so many days is a problem. */
#define CERTIFICATE_DAYS 14
#define MAX_PROBLEMS 20

static json_t *
time_view(int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];

	return wall_ms != 0 ? json_string(clock_format(wall_ms, text)) : json_null();
}

static json_t *
recent_view(const struct check_state *state)
{
	json_t *list = json_array();

	for (uint8_t i = 0; i < state->nb_recent; i++)
		json_array_append_new(list, json_string(probe_result_name(state->recent[i])));
	return list;
}

static json_t *
latency_view(uint32_t us)
{
	return us != 0 ? json_integer(us) : json_null();
}

static json_t *
certificate_view(int64_t ends_s)
{
	if (ends_s == 0)
		return json_null();
	return json_pack("{s:o, s:i}", "ends", time_view(ends_s * 1000), "days_left",
			tls_days_left(ends_s, clock_wall_ms() / 1000));
}

/** What an agent has said; null if it has not, or is none. */
static json_t *
agent_view(const struct agent_word *word)
{
	if (!word->known)
		return json_null();
	return json_pack("{s:i, s:b}", "percent", word->percent, "drained", word->drained);
}

static json_t *
check_view(const struct check *check, const struct check_state *state)
{
	char addr[IP_ADDR_STRLEN];

	return json_pack(
			"{s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:o, s:o, "
			"s:o, s:o}",
			"type", check_type_name(check->type), "address",
			ip_addr_format(&check->addr, addr), "port",
			check->l4_port != 0 ? json_integer(check->l4_port) : json_null(), "health",
			backend_health_name(state->health), "last_result",
			!state->tried			   ? json_null()
					: state->last_good ? json_string("good")
							   : json_text(state->why),
			"recent", recent_view(state), "latency_us", latency_view(state->latency_us),
			"latency_average_us", latency_view(state->latency_average_us),
			"last_attempt", time_view(state->last_ms), "attempts",
			(json_int_t)state->nb_attempts, "bad", (json_int_t)state->nb_bad, "trouble",
			(json_int_t)state->nb_trouble, "streak", (json_int_t)state->streak, "since",
			time_view(state->changed_ms), "source",
			check->source.family != IP_NONE
					? json_string(ip_addr_format(&check->source, addr))
					: json_null(),
			"certificate", certificate_view(state->certificate_ends_s), "agent",
			agent_view(&state->agent));
}

static json_t *
suspicions_view(const struct suspicion_state *state)
{
	return json_pack("{s:I, s:s?, s:o}", "count", (json_int_t)state->nb, "last", state->kind,
			"last_at", time_view(state->wall_ms));
}

/** How long until a backend has its whole share; null: it has, or is not to have it. */
static json_t *
slow_start_view(const struct watched *s, uint32_t member, uint64_t now_ms)
{
	uint64_t end_ms;

	if (s->shares == NULL || s->shares[member].begin_ms == 0)
		return json_null();
	end_ms = s->shares[member].begin_ms + s->conf->slow_start_ms;
	return json_integer(end_ms > now_ms ? (json_int_t)(end_ms - now_ms) : 0);
}

json_t *
health_view(const struct health *h, const struct service_key *service,
		const struct ip_addr *backend)
{
	const struct watched *s = watch_find(&h->watch, service);
	int at = s != NULL ? watched_find(s, backend) : -1;
	const struct guard_member *m;
	uint64_t now = clock_monotonic_us() / 1000;
	json_t *checks;

	if (at < 0)
		return json_null();
	m = &s->members[at];
	checks = json_array();
	for (uint32_t i = 0; i < s->conf->nb_checks; i++) {
		uint32_t index = s->checks[(uint32_t)at * s->conf->nb_checks + i];
		struct check_state state = { .health = HEALTH_UNKNOWN };

		checker_look(h->checker, index, &state);
		json_array_append_new(checks, check_view(&h->watch.set->list[index], &state));
	}
	return json_pack("{s:s, s:s, s:o, s:I, s:I, s:o, s:o, s:o}", "observed",
			backend_health_name(m->observed), "judged", backend_health_name(m->judged),
			"in_state_ms",
			m->changed_ms != 0 ? json_integer((json_int_t)(now - m->changed_ms))
					   : json_null(),
			"flaps", (json_int_t)m->nb_downs, "hold_down_ms",
			(json_int_t)(m->judged == HEALTH_DOWN && m->hold_until_ms > now
							? m->hold_until_ms - now
							: 0),
			"suspicions", suspicions_view(&s->suspicions[at]), "slow_start_left_ms",
			slow_start_view(s, (uint32_t)at, now), "checks", checks);
}

bool
health_summarize(const struct health *h, const struct service_key *service,
		const struct ip_addr *backend, struct health_summary *out)
{
	const struct watched *s = watch_find(&h->watch, service);
	int at = s != NULL ? watched_find(s, backend) : -1;
	struct check_state state;

	if (at < 0)
		return false;
	*out = (struct health_summary){ .nb_downs = s->members[at].nb_downs,
		.nb_suspicions = s->suspicions[at].nb };
	for (uint32_t i = 0; i < s->conf->nb_checks; i++) {
		uint32_t index = s->checks[(uint32_t)at * s->conf->nb_checks + i];

		if (!checker_look(h->checker, index, &state))
			continue;
		out->nb_attempts += state.nb_attempts;
		out->nb_bad += state.nb_bad;
		if (state.latency_average_us > out->latency_us)
			out->latency_us = state.latency_average_us;
	}
	return true;
}

const struct guard *
health_guard(const struct health *h, const struct service_key *service)
{
	const struct watched *s = watch_find(&h->watch, service);

	return s != NULL ? &s->guard : NULL;
}

void
health_checker_state(const struct health *h, struct checker_state *out)
{
	checker_state(h->checker, out);
}

json_t *
health_service_view(const struct health *h, const struct service_key *service)
{
	const struct watched *s = watch_find(&h->watch, service);

	if (s == NULL)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I, s:b}", "healthy", (json_int_t)s->guard.nb_up,
			"backends", (json_int_t)s->guard.nb_members, "min_healthy",
			(json_int_t)guard_limit_of(
					&s->conf->guard.min_healthy, s->guard.nb_members),
			"waiting_to_leave", (json_int_t)s->guard.nb_waiting, "fail_open",
			s->guard.fail_open);
}

static void
list_open_services(const struct health *h, json_t *list)
{
	char id[SERVICE_ID_STRLEN];
	unsigned int nb = 0;

	for (uint32_t i = 0; i < h->watch.nb_services && nb < MAX_PROBLEMS; i++) {
		const struct watched *s = &h->watch.services[i];

		if (!s->guard.fail_open)
			continue;
		nb++;
		json_array_append_new(list,
				json_sprintf("service %s: fails open: %u of %u backends are "
					     "healthy, %s",
						service_id_format(&s->key, id), s->guard.nb_up,
						s->guard.nb_members,
						s->guard.enough_ms == 0
								? "fewer than min-healthy"
								: "not yet for long enough"));
	}
}

static json_t *
certificate_problem(const struct check *check, int left)
{
	char addr[IP_ADDR_STRLEN];

	ip_addr_format(&check->addr, addr);
	if (left < 0)
		return json_sprintf("the certificate of %s, port %u, has expired", addr,
				check->l4_port);
	return json_sprintf("the certificate of %s, port %u, ends in %d day%s", addr,
			check->l4_port, left, left == 1 ? "" : "s");
}

/** Servers whose certificates end soon, whether anybody verifies them or not. */
static void
list_certificates(const struct health *h, json_t *list)
{
	const struct check_set *set = h->watch.set;
	const struct check *last = NULL; /* Checks of one server are neighbours. */
	int64_t now_s = clock_wall_ms() / 1000;
	unsigned int nb = 0;

	for (uint32_t i = 0; set != NULL && i < set->nb && nb < MAX_PROBLEMS; i++) {
		const struct check *check = &set->list[i];
		struct check_state state;
		int left;

		if (check->exchange->trust == NULL || !checker_look(h->checker, i, &state) ||
				state.certificate_ends_s == 0)
			continue;
		left = tls_days_left(state.certificate_ends_s, now_s);
		if (left >= CERTIFICATE_DAYS ||
				(last != NULL && ip_addr_equal(&last->addr, &check->addr) &&
						last->l4_port == check->l4_port))
			continue;
		json_array_append_new(list, certificate_problem(check, left));
		last = check;
		nb++;
	}
}

void
health_problems(const struct health *h, json_t *list)
{
	struct checker_state self;

	list_open_services(h, list);
	list_certificates(h, list);
	checker_state(h->checker, &self);
	if (self.trouble_ms != 0 && clock_wall_ms() - self.trouble_ms < TROUBLE_MS)
		json_array_append_new(list,
				json_sprintf("health checks: %s; verdicts stay as they are",
						self.trouble));
}
