/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/balancer.h"

#include <stdio.h>
#include <stdlib.h>

#include "channel/stats.h"

#include "controlplane/clock.h"
#include "controlplane/daemon/json_text.h"
#include "controlplane/daemon/log.h"
#include "controlplane/daemon/peer.h"

#define LOOK_S 0.5

struct balancer {
	struct ev_loop *loop;
	struct reconcile *reconcile;
	ev_timer look; /* Runs while it is draining. */
	bool counting; /* The following is known. */
	uint64_t nb_packets;
	uint64_t looked_us;
	uint64_t quiet_us; /* Since when none has come. */
	double packets_per_s;
};

static const struct stats_header *
stats(const struct balancer *b)
{
	return counters_region(reconcile_counters(b->reconcile));
}

static const struct balancer_state *
state(const struct balancer *b)
{
	return &reconcile_state(b->reconcile)->balancer;
}

bool
balancer_has_routes(const struct balancer *b)
{
	const struct stats_header *h = stats(b);

	return h != NULL && stat_get(&h->advertises) != 0;
}

static uint64_t
count_packets(const struct stats_header *h)
{
	uint64_t nb = 0;

	for (uint32_t i = 0; i < h->nb_workers; i++)
		nb += stat_get(&stats_worker(h, i)->forwarded);
	return nb;
}

static void
on_disabled(void *context, const struct change_result *result)
{
	(void)context;
	if (result->status != CHANGE_IN_FORCE && result->status != CHANGE_STORED)
		log_line(LOG_ERR, "balancer: drained, but not withdrawn: %s", result->message);
}

static void
withdraw(struct balancer *b)
{
	struct change_request request = { .actor = peer_self(),
		.action = "balancer.set",
		.has_balancer = true,
		.balancer = { .admin = ADMIN_DISABLED, .since_ms = clock_wall_ms() } };

	snprintf(request.target, sizeof(request.target), "balancer");
	snprintf(request.balancer.by, sizeof(request.balancer.by), "guidewayd: drained");
	request.before = json_pack("{s:s}", "state", backend_admin_name(ADMIN_DRAINING));
	request.after = json_pack("{s:s, s:s}", "state", backend_admin_name(ADMIN_DISABLED), "why",
			"drained: no packets come any more");
	reconcile_change(b->reconcile, &request, on_disabled, b);
}

static void
on_look(struct ev_loop *loop, ev_timer *w, int events)
{
	struct balancer *b = w->data;
	uint64_t now_us = clock_monotonic_us(), nb;

	(void)loop;
	(void)events;
	if (!balancer_has_routes(b))
		b->counting = false;
	/* Packets count from when the routers have been told. */
	if (!balancer_has_routes(b) || (!b->counting && !reconcile_link(b->reconcile).in_sync))
		return;
	nb = count_packets(stats(b));
	if (!b->counting || nb != b->nb_packets)
		b->quiet_us = now_us;
	if (b->counting)
		b->packets_per_s = (double)(nb - b->nb_packets) * 1e6 /
				(double)(now_us - b->looked_us);
	b->counting = true;
	b->nb_packets = nb;
	b->looked_us = now_us;
	if (now_us - b->quiet_us < BALANCER_QUIET_S * UINT64_C(1000000) ||
			reconcile_busy(b->reconcile))
		return;
	b->counting = false; /* If it fails, another quiet time is waited for. */
	withdraw(b);
}

void
balancer_wake(struct balancer *b)
{
	bool draining = state(b)->admin == ADMIN_DRAINING;

	if (draining == ev_is_active(&b->look))
		return;
	b->counting = false;
	if (draining)
		ev_timer_again(b->loop, &b->look);
	else
		ev_timer_stop(b->loop, &b->look);
}

json_t *
balancer_view(struct balancer *b)
{
	const struct balancer_state *s = state(b);
	bool counting = ev_is_active(&b->look) && b->counting;
	char since[CLOCK_TEXT_SIZE];

	return json_pack("{s:s, s:o, s:o, s:s, s:b, s:o}", "state", backend_admin_name(s->admin),
			"since",
			s->since_ms != 0 ? json_string(clock_format(s->since_ms, since))
					 : json_null(),
			"by", s->by[0] != '\0' ? json_text(s->by) : json_null(), "advertised",
			service_advertise_name(balancer_advertise(s)), "has_routes",
			balancer_has_routes(b), "packets_per_s",
			counting ? json_real(b->packets_per_s) : json_null());
}

struct balancer *
balancer_create(struct ev_loop *loop, struct reconcile *reconcile)
{
	struct balancer *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->loop = loop;
	b->reconcile = reconcile;
	ev_timer_init(&b->look, on_look, LOOK_S, LOOK_S);
	b->look.data = b;
	return b;
}

void
balancer_destroy(struct balancer *b)
{
	if (b == NULL)
		return;
	ev_timer_stop(b->loop, &b->look);
	free(b);
}
