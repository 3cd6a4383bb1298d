/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/metrics.h"

#include <stdlib.h>

#include "controlplane/clock.h"
#include "controlplane/daemon/api_handlers.h"
#include "controlplane/daemon/api_text.h"

static void
of_build(struct metrics *m)
{
	struct metrics_labels labels = { .text = "" };

	metrics_label(&labels, "version", GUIDEWAY_VERSION);
	metrics_gauge(m, "guideway_build_info", "1; the version of guidewayd stands in the label.");
	metrics_integer(m, &labels, 1);
}

static void
of_state(struct daemon *d, struct metrics *m)
{
	const struct store_state *state = reconcile_state(d->reconcile);
	json_t *problems = api_problems(d);

	metrics_gauge(m, "guideway_uptime_seconds", "Since guidewayd was started.");
	metrics_real(m, NULL, (double)(clock_monotonic_us() - d->started_us) / 1e6);
	metrics_gauge(m, "guideway_problems", "Problems that guideway status shows.");
	metrics_integer(m, NULL, json_array_size(problems));
	json_decref(problems);
	metrics_gauge(m, "guideway_config_revision", "Revision of the configuration.");
	metrics_integer(m, NULL, state->revision);
	metrics_gauge(m, "guideway_services", "Configured services.");
	metrics_integer(m, NULL, state->config->nb_services);
	metrics_gauge(m, "guideway_overrides", "Backends whose state or weight is set by hand.");
	metrics_integer(m, NULL, state->overrides->nb);
}

static void
of_applies(struct daemon *d, struct metrics *m)
{
	const struct apply_times *times = reconcile_apply_times(d->reconcile);

	metrics_histogram(m, "guideway_apply_seconds",
			"From sending a transaction until it was in force on every worker.",
			apply_times_bounds, times->nb, APPLY_TIMES_NB_BOUNDS,
			(double)times->sum_us / 1e6);
	metrics_counter(m, "guideway_applies_refused_total",
			"Transactions that the dataplane refused.");
	metrics_integer(m, NULL, times->nb_refused);
}

static void
of_link(struct daemon *d, struct metrics *m)
{
	struct link_state link = reconcile_link(d->reconcile);

	metrics_gauge(m, "guideway_dataplane_connected", "1: a session with a dataplane is open.");
	metrics_integer(m, NULL, link.connected);
	metrics_gauge(m, "guideway_dataplane_in_sync", "1: what is wanted is in force.");
	metrics_integer(m, NULL, link.in_sync);
	if (link.last == NULL)
		return;
	metrics_gauge(m, "guideway_last_apply_ok", "1: the dataplane took the last transaction.");
	metrics_integer(m, NULL, link.last->ok);
	metrics_gauge(m, "guideway_last_apply_seconds",
			"From the wish for the last transaction until it was in force.");
	metrics_real(m, NULL, (double)link.last->latency_us / 1e6);
}

/** A series each, of which one is 1. */
static void
of_balancer(struct daemon *d, struct metrics *m)
{
	static const uint8_t admins[] = { ADMIN_ENABLED, ADMIN_DRAINING, ADMIN_DISABLED };
	const struct balancer_state *b = &reconcile_state(d->reconcile)->balancer;

	metrics_gauge(m, "guideway_balancer_state",
			"1: what is wanted of this balancer, by people.");
	for (size_t i = 0; i < ARRAY_LEN(admins); i++)
		metrics_labelled(m, NULL, "state", backend_admin_name(admins[i]),
				b->admin == admins[i]);
}

static void
of_checker(struct daemon *d, struct metrics *m)
{
	struct checker_state checker;

	health_checker_state(d->health, &checker);
	metrics_gauge(m, "guideway_checks", "Different health checks under way.");
	metrics_integer(m, NULL, checker.nb_checks);
	metrics_counter(m, "guideway_check_attempts_total", "Attempts of all health checks.");
	metrics_integer(m, NULL, checker.nb_attempts);
	metrics_counter(m, "guideway_check_trouble_total",
			"Attempts that this host has spoilt: they say nothing about a backend.");
	metrics_integer(m, NULL, checker.nb_trouble);
	metrics_counter(m, "guideway_checker_late_total",
			"Moments in which the checker did not get the CPU in time.");
	metrics_integer(m, NULL, checker.nb_late);
}

/** A reply under way. */
struct scrape {
	struct daemon *daemon;
	struct metrics_services *services;
	struct metrics metrics; /* Its family goes on from one piece to the next. */
	bool begun;
};

/** All that is short at once, then the services. */
static int
scrape_write(void *context, FILE *out)
{
	struct scrape *s = context;

	s->metrics.out = out;
	if (s->begun)
		return metrics_services_write(s->services, &s->metrics);
	s->begun = true;
	of_build(&s->metrics);
	of_state(s->daemon, &s->metrics);
	of_applies(s->daemon, &s->metrics);
	of_link(s->daemon, &s->metrics);
	of_balancer(s->daemon, &s->metrics);
	of_checker(s->daemon, &s->metrics);
	metrics_of_dataplane(s->daemon, &s->metrics);
	return 1;
}

static void
scrape_end(void *context)
{
	struct scrape *s = context;

	metrics_services_destroy(s->services);
	free(s);
}

void
api_metrics(struct request *r)
{
	struct scrape *s = calloc(1, sizeof(*s));
	struct metrics_services *services = metrics_services_create(r->daemon);

	if (s == NULL || services == NULL) {
		metrics_services_destroy(services);
		free(s);
		request_reply(r, 500, NULL);
		return;
	}
	counters_read(reconcile_counters(r->daemon->reconcile));
	*s = (struct scrape){ .daemon = r->daemon, .services = services };
	api_text_reply(r,
			&(struct api_text){
					.context = s, .write = scrape_write, .end = scrape_end },
			"text/plain; version=0.0.4; charset=utf-8");
}
