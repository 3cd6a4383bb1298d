/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/dataplane_event.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "service/service_id.h"

#include "controlplane/clock.h"
#include "controlplane/daemon/json_text.h"
#include "controlplane/daemon/log.h"

#define EVENTS_PER_SECOND 20

/** A window of a second: what is over the limit is counted and told with the next window. */
static bool
may_log(void)
{
	static uint64_t window_us;
	static unsigned int nb_logged, nb_silent;
	uint64_t now = clock_monotonic_us();

	if (now - window_us > 1000000) {
		if (nb_silent > 0)
			log_line(LOG_NOTICE, "dataplane: %u more events", nb_silent);
		window_us = now;
		nb_logged = 0;
		nb_silent = 0;
	}
	if (nb_logged == EVENTS_PER_SECOND) {
		nb_silent++;
		return false;
	}
	nb_logged++;
	return true;
}

/** One event, to both. @param fields Taken. */
static void
tell(struct events *events, int level, const char *kind, json_t *fields, const char *text)
{
	if (may_log())
		log_line(level, "dataplane: %s", text);
	events_add(events, kind, fields, "%s", text);
}

static void
tell_neighbour(const struct msg_neighbour_event *m, struct events *events)
{
	char addr[IP_ADDR_STRLEN], text[128];

	ip_addr_format(&m->addr, addr);
	snprintf(text, sizeof(text), "next hop %s %s", addr,
			m->reachable ? "answers" : "does not answer");
	tell(events, m->reachable ? LOG_INFO : LOG_WARNING, "next_hop",
			json_pack("{s:s, s:b}", "address", addr, "reachable", m->reachable), text);
}

static void
tell_suspect(const struct msg_suspect_event *m, struct events *events)
{
	char id[SERVICE_ID_STRLEN], addr[IP_ADDR_STRLEN], text[256];

	service_id_format(&m->service, id);
	ip_addr_format(&m->backend, addr);
	snprintf(text, sizeof(text), "service %s: backend %s is suspect: %u %s within %u ms", id,
			addr, m->count, suspicion_name(m->kind), m->window_ms);
	tell(events, LOG_NOTICE, "backend.suspect",
			json_pack("{s:s, s:s, s:s, s:I, s:I}", "service", id, "backend", addr,
					"evidence", suspicion_name(m->kind), "count",
					(json_int_t)m->count, "window_ms",
					(json_int_t)m->window_ms),
			text);
}

static void
tell_link(const struct msg_link_event *m, struct events *events)
{
	char text[128];

	snprintf(text, sizeof(text), "port %.32s: link %s", m->port, m->up ? "up" : "down");
	tell(events, m->up ? LOG_NOTICE : LOG_WARNING, "port.link",
			json_pack("{s:o, s:b}", "port", json_text(m->port), "up", m->up), text);
}

static void
tell_lost(const struct msg_events_lost *m, struct events *events)
{
	char text[64];

	snprintf(text, sizeof(text), "%" PRIu64 " events were lost", m->count);
	tell(events, LOG_NOTICE, "dataplane.events_lost",
			json_pack("{s:I}", "count", (json_int_t)m->count), text);
}

void
dataplane_event_tell(const struct message *m, struct events *events)
{
	switch (m->type) {
	case MSG_NEIGHBOUR_EVENT:
		tell_neighbour(&m->NEIGHBOUR_EVENT, events);
		break;
	case MSG_SUSPECT_EVENT:
		tell_suspect(&m->SUSPECT_EVENT, events);
		break;
	case MSG_LINK_EVENT:
		tell_link(&m->LINK_EVENT, events);
		break;
	case MSG_EVENTS_LOST:
		tell_lost(&m->EVENTS_LOST, events);
		break;
	default:
		break;
	}
}
