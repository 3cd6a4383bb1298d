/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/event_log.h"

#include <inttypes.h>
#include <stdbool.h>

#include "controlplane/clock.h"
#include "controlplane/daemon/log.h"
#include "controlplane/daemon/service_id.h"

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

void
event_log(const struct message *m)
{
	char addr[IP_ADDR_STRLEN], id[SERVICE_ID_STRLEN];

	if (!may_log())
		return;
	switch (m->type) {
	case MSG_NEIGHBOUR_EVENT:
		if (!ip_addr_valid(&m->NEIGHBOUR_EVENT.addr))
			return;
		log_line(m->NEIGHBOUR_EVENT.reachable ? LOG_INFO : LOG_WARNING,
				"dataplane: next hop %s %s",
				ip_addr_format(&m->NEIGHBOUR_EVENT.addr, addr),
				m->NEIGHBOUR_EVENT.reachable ? "answers" : "does not answer");
		break;
	case MSG_SUSPECT_EVENT:
		log_line(LOG_NOTICE,
				"dataplane: service %s: backend %s is suspect: %u %s within %u ms",
				service_id_format(&m->SUSPECT_EVENT.service, id),
				ip_addr_format(&m->SUSPECT_EVENT.backend, addr),
				m->SUSPECT_EVENT.count, suspicion_name(m->SUSPECT_EVENT.kind),
				m->SUSPECT_EVENT.window_ms);
		break;
	case MSG_LINK_EVENT:
		log_line(m->LINK_EVENT.up ? LOG_NOTICE : LOG_WARNING,
				"dataplane: port %.32s: link %s", m->LINK_EVENT.port,
				m->LINK_EVENT.up ? "up" : "down");
		break;
	case MSG_EVENTS_LOST:
		log_line(LOG_NOTICE, "dataplane: %" PRIu64 " events were lost",
				m->EVENTS_LOST.count);
		break;
	default:
		break;
	}
}
