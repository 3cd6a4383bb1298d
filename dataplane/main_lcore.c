/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One turn of the loop serves every class once, neighbours first, each at most its
 * budget, so that no class waits for another's flood: a turn is at most about 300
 * packets, well below a millisecond.
 *
 * With nothing to do it sleeps, at first IDLE_MIN_US, twice as long each time, up to
 * IDLE_MAX_US: what arrives meanwhile waits in its ring for less than a millisecond.
 * While it sleeps it is offline for QSBR, so that it never delays a grace period.
 */

#include "dataplane/main_lcore.h"

#include <time.h>

#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>

#include "dataplane/dataplane.h"
#include "dataplane/echo.h"
#include "dataplane/evidence.h"
#include "dataplane/neighbour.h"
#include "dataplane/port_watch.h"
#include "dataplane/punt.h"
#include "dataplane/reset.h"
#include "dataplane/token_bucket.h"

/* Packets of each class in one turn. */
#define BUDGET_NEIGHBOUR 64
#define BUDGET_UNRESOLVED 64
#define BUDGET_RESET 64
#define BUDGET_ECHO 32
#define BUDGET_ICMP_ERROR 32
#define BUDGET_PUNT 64
#define BUDGET_MAX 64

/* A second, and at once. */
#define RESET_RATE 50000
#define RESET_BURST 5000
#define ECHO_RATE 10000
#define ECHO_BURST 1000
#define ICMP_ERROR_RATE 1000
#define ICMP_ERROR_BURST 100
#define PUNT_RATE 100000
#define PUNT_BURST 10000

/* The control thread is woken for evidence at most so often. */
#define EVIDENCE_WAKE_US 1000

#define IDLE_MIN_US 25
#define IDLE_MAX_US 800

struct main_lcore {
	struct dataplane *dp;
	uint64_t now_us;
	struct token_bucket reset;
	struct token_bucket echo;
	struct token_bucket icmp_error;
	struct token_bucket punt;
	struct port_watch ports;
	uint64_t wake_us; /* The control thread is not woken before. */
};

struct main_stats *
main_lcore_stats(const struct dataplane *dp)
{
	return &((struct stats_header *)dp->stats)->main;
}

void
main_lcore_drop(const struct dataplane *dp, struct rte_mbuf *mbuf, enum drop_reason reason)
{
	stat_add(&main_lcore_stats(dp)->drops[reason], 1);
	rte_pktmbuf_free(mbuf);
}

static uint64_t
clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void
serve_punt(struct main_lcore *m, const struct exception *x)
{
	if (punt_has_kernel(m->dp, x->port) && !token_bucket_take(&m->punt, m->now_us))
		main_lcore_drop(m->dp, x->mbuf, DROP_PUNT_RATE);
	else
		punt_to_kernel(m->dp, x);
}

static void
serve_neighbour(struct main_lcore *m, const struct exception *x)
{
	switch (neighbour_receive(m->dp->neighbours, x)) {
	case NEIGHBOUR_TAKEN:
		break;
	case NEIGHBOUR_KERNEL_TOO:
		if (punt_has_kernel(m->dp, x->port))
			serve_punt(m, x);
		else
			rte_pktmbuf_free(x->mbuf);
		break;
	case NEIGHBOUR_NOT_OURS:
		serve_punt(m, x);
		break;
	}
}

static void
serve_unresolved(struct main_lcore *m, const struct exception *x)
{
	neighbour_queue(m->dp->neighbours, x);
}

static void
serve_reset(struct main_lcore *m, const struct exception *x)
{
	if (token_bucket_take(&m->reset, m->now_us))
		reset_answer(m->dp, x);
	else
		main_lcore_drop(m->dp, x->mbuf, DROP_RESET_RATE);
}

static void
serve_echo(struct main_lcore *m, const struct exception *x)
{
	if (!token_bucket_take(&m->echo, m->now_us))
		main_lcore_drop(m->dp, x->mbuf, DROP_ECHO_RATE);
	else if (!echo_receive(m->dp, x))
		serve_punt(m, x);
}

/* One that is not looked at may still be for the kernel. */
static void
serve_icmp_error(struct main_lcore *m, const struct exception *x)
{
	if (!token_bucket_take(&m->icmp_error, m->now_us) || !evidence_receive(m->dp, x))
		serve_punt(m, x);
}

typedef void (*serve_fn)(struct main_lcore *m, const struct exception *x);

/* In the order of service. */
static const struct {
	serve_fn serve;
	unsigned int budget;
} classes[NB_EXCEPTION_CLASSES] = {
	[EXCEPTION_NEIGHBOUR] = { serve_neighbour, BUDGET_NEIGHBOUR },
	[EXCEPTION_UNRESOLVED] = { serve_unresolved, BUDGET_UNRESOLVED },
	[EXCEPTION_RESET] = { serve_reset, BUDGET_RESET },
	[EXCEPTION_ECHO] = { serve_echo, BUDGET_ECHO },
	[EXCEPTION_ICMP_ERROR] = { serve_icmp_error, BUDGET_ICMP_ERROR },
	[EXCEPTION_PUNT] = { serve_punt, BUDGET_PUNT },
};

static unsigned int
serve_class(struct main_lcore *m, enum exception_class class)
{
	struct exception x[BUDGET_MAX];
	unsigned int n = exception_take(&m->dp->exceptions, class, x, classes[class].budget);

	for (unsigned int i = 0; i < n; i++)
		classes[class].serve(m, &x[i]);
	return n;
}

static void
links_watch(struct main_lcore *m)
{
	uint32_t came = port_watch_tick(&m->ports, m->dp, m->now_us / 1000);

	for (; came != 0; came &= came - 1)
		neighbour_link_up(m->dp->neighbours, (uint16_t)__builtin_ctz(came));
}

static void
tell_evidence(struct main_lcore *m)
{
	if (m->now_us >= m->wake_us && evidence_wake(m->dp))
		m->wake_us = m->now_us + EVIDENCE_WAKE_US;
}

/* @return how much there was to do. */
static unsigned int
main_lcore_turn(struct main_lcore *m)
{
	unsigned int work = 0;

	m->now_us = clock_us();
	work += neighbour_tick(m->dp->neighbours, m->now_us / 1000);
	for (unsigned int class = 0; class < NB_EXCEPTION_CLASSES; class ++)
		work += serve_class(m, class);
	work += punt_from_kernel(m->dp);
	links_watch(m);
	tell_evidence(m);
	return work;
}

static void
idle(struct rte_rcu_qsbr *qsbr, unsigned int thread, uint64_t us)
{
	struct timespec pause = { .tv_nsec = (long)us * 1000 };

	rte_rcu_qsbr_thread_offline(qsbr, thread);
	nanosleep(&pause, NULL);
	rte_rcu_qsbr_thread_online(qsbr, thread);
}

void
main_lcore_run(struct dataplane *dp)
{
	struct main_lcore m = { .dp = dp };
	unsigned int thread = dp->nb_workers;
	uint64_t pause_us = IDLE_MIN_US;

	token_bucket_init(&m.reset, RESET_RATE, RESET_BURST, clock_us());
	token_bucket_init(&m.echo, ECHO_RATE, ECHO_BURST, clock_us());
	token_bucket_init(&m.icmp_error, ICMP_ERROR_RATE, ICMP_ERROR_BURST, clock_us());
	token_bucket_init(&m.punt, PUNT_RATE, PUNT_BURST, clock_us());
	rte_rcu_qsbr_thread_register(dp->qsbr, thread);
	rte_rcu_qsbr_thread_online(dp->qsbr, thread);
	while (!atomic_load_explicit(&dp->stop, memory_order_relaxed)) {
		unsigned int work = main_lcore_turn(&m);

		rte_rcu_qsbr_quiescent(dp->qsbr, thread);
		if (work > 0) {
			pause_us = IDLE_MIN_US;
			continue;
		}
		idle(dp->qsbr, thread, pause_us);
		pause_us = pause_us * 2 < IDLE_MAX_US ? pause_us * 2 : IDLE_MAX_US;
	}
	rte_rcu_qsbr_thread_offline(dp->qsbr, thread);
	rte_rcu_qsbr_thread_unregister(dp->qsbr, thread);
	neighbours_stop(dp->neighbours);
}
