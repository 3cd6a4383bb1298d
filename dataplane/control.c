/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/control.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/advertise.h"
#include "dataplane/control_internal.h"
#include "dataplane/log.h"
#include "dataplane/neighbour.h"
#include "dataplane/port_watch.h"
#include "dataplane/suspects.h"
#include "flow/flow_table.h"

/* Commands handled between two looks at everything else. */
#define COMMANDS_AT_ONCE 1024
/* Neighbour and link events between two looks at everything else: more wait in their rings. */
#define EVENTS_AT_ONCE 256

uint64_t
control_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool
control_may_log(struct control *c)
{
	if (!token_bucket_take(&c->log, control_now_ms() * 1000)) {
		c->nb_unlogged++;
		return false;
	}
	if (c->nb_unlogged != 0)
		LOG_CONTROL(WARNING, "%llu lines about the daemon were not logged: too many",
				(unsigned long long)c->nb_unlogged);
	c->nb_unlogged = 0;
	return true;
}

static bool
route_get(void *context, const struct ip_addr *addr, bool on_link, struct backend_route *out)
{
	struct control *c = context;

	return neighbour_acquire(c->dp->neighbours, addr, on_link, out);
}

static void
route_put(void *context, uint32_t nexthop)
{
	struct control *c = context;

	neighbour_release(c->dp->neighbours, nexthop);
}

static struct state *
create_state(struct control *c)
{
	const struct state_limits limits = {
		.max_services = c->dp->conf.max_services,
		.max_members = c->dp->conf.max_members,
		.tick_ms = FLOW_TICK_MS,
	};
	const struct state_hooks hooks = {
		.context = c,
		.route_get = route_get,
		.route_put = route_put,
		.service_changed = control_service_changed,
		.member_changed = control_member_changed,
		.slots_changed = control_slots_changed,
		.service_freed = control_service_freed,
		.member_freed = control_member_freed,
	};

	return state_create(&limits, &hooks);
}

static struct session_server *
create_server(struct control *c)
{
	const struct session_server_conf conf = {
		.path = c->dp->conf.channel_socket,
		.allowed_uid = c->dp->conf.control_uid,
		.stats_fd = c->dp->stats_fd,
		.stats_size = c->dp->stats_size,
	};

	return session_server_create(&conf);
}

struct control *
control_create(struct dataplane *dp)
{
	struct control *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->dp = dp;
	c->header = dp->stats;
	token_bucket_init(&c->log, CONTROL_LOG_RATE, CONTROL_LOG_BURST, control_now_ms() * 1000);
	c->suspects = suspects_create();
	c->state = create_state(c);
	if (c->suspects == NULL || c->state == NULL) {
		LOG_CONTROL(ERR, "state: out of memory");
		goto err_destroy_state;
	}
	if (advertise_create(&dp->conf, &c->advertise) != 0)
		goto err_destroy_state;
	c->server = create_server(c);
	if (c->server == NULL) {
		LOG_CONTROL(ERR, "channel %s: %s", dp->conf.channel_socket, strerror(errno));
		goto err_destroy_state;
	}
	atomic_store_explicit(&dp->snapshot, state_snapshot(c->state), memory_order_release);
	return c;

err_destroy_state:
	advertise_destroy(c->advertise);
	state_destroy(c->state);
	suspects_destroy(c->suspects);
	free(c);
	return NULL;
}

static void
send_neighbour_events(struct control *c)
{
	struct neighbour_change change;

	for (int i = 0; i < EVENTS_AT_ONCE && neighbour_next_change(c->dp->neighbours, &change);
			i++) {
		struct message m;

		message_init(&m, MSG_NEIGHBOUR_EVENT);
		m.NEIGHBOUR_EVENT.addr = change.addr;
		memcpy(m.NEIGHBOUR_EVENT.mac, change.mac, sizeof(change.mac));
		m.NEIGHBOUR_EVENT.reachable = change.reachable;
		session_server_event(c->server, &m);
	}
}

static void
send_link_events(struct control *c)
{
	struct link_change change;

	for (int i = 0; i < EVENTS_AT_ONCE && port_next_link_change(c->dp, &change); i++) {
		struct message m;

		message_init(&m, MSG_LINK_EVENT);
		_Static_assert(sizeof(m.LINK_EVENT.port) == CONFIG_NAME_LEN, "both NUL-terminated");
		memcpy(m.LINK_EVENT.port, c->dp->ports[change.port].conf->name, CONFIG_NAME_LEN);
		m.LINK_EVENT.up = change.up;
		session_server_event(c->server, &m);
	}
}

/* Before quarantines end: no sign may meet another member under its number. */
static void
send_suspicions(struct control *c)
{
	uint32_t budget = EVIDENCE_RING * (c->dp->nb_workers + 1U);
	struct message m;

	evidence_woken(&c->dp->evidence); /* Before the rings: what comes later wakes again. */
	while (control_next_suspicion(c, &budget, &m))
		session_server_event(c->server, &m);
}

static void
follow_session(struct control *c)
{
	switch (session_server_step(c->server)) {
	case SESSION_OPENED:
		if (control_may_log(c))
			LOG_CONTROL(NOTICE, "session: opened");
		control_txn_drop(c);
		c->nb_answers = 0;
		stat_set(&c->header->session_active, 1);
		break;
	case SESSION_CLOSED:
		if (control_may_log(c))
			LOG_CONTROL(NOTICE, "session: closed: %s; forwarding goes on unchanged",
					session_server_reason(c->server));
		control_txn_drop(c);
		c->nb_answers = 0;
		stat_set(&c->header->session_active, 0);
		break;
	case SESSION_SAME:
		break;
	}
}

/*
 * A daemon that does not read its answers finds its commands waiting, too.
 * @return whether more commands may be waiting.
 */
static bool
read_commands(struct control *c)
{
	struct message m;

	for (int i = 0; i < COMMANDS_AT_ONCE; i++) {
		if (!control_send_answers(c))
			return false;
		if (session_server_get(c->server, &m) != 1)
			return false;
		control_command(c, &m);
	}
	return true;
}

static void *
control_run(void *context)
{
	struct control *c = context;
	struct pollfd fds[] = {
		{ .fd = session_server_fd(c->server), .events = POLLIN },
		{ .fd = c->dp->evidence.wake_fd, .events = POLLIN },
	};
	bool more = false;

	while (!atomic_load_explicit(&c->dp->stop, memory_order_relaxed)) {
		poll(fds, ARRAY_LEN(fds), more ? 0 : SESSION_POLL_MS);
		follow_session(c);
		more = read_commands(c);
		more |= advertise_step(c->advertise, control_now_ms());
		control_txn_timeout(c);
		send_suspicions(c);
		control_quarantine_check(c);
		send_neighbour_events(c);
		control_reroute_check(c);
		send_link_events(c);
		session_server_flush(c->server);
	}
	return NULL;
}

int
control_start(struct control *c)
{
	int ret = pthread_create(&c->thread, NULL, control_run, c);

	if (ret != 0)
		return -ret;
	pthread_setname_np(c->thread, "gw-control");
	c->started = true;
	return 0;
}

void
control_destroy(struct control *c)
{
	if (c == NULL)
		return;
	if (c->started)
		pthread_join(c->thread, NULL);
	control_txn_drop(c);
	advertise_destroy(c->advertise);
	session_server_destroy(c->server);
	atomic_store_explicit(&c->dp->snapshot, NULL, memory_order_release);
	state_destroy(c->state);
	suspects_destroy(c->suspects);
	free(c);
}
