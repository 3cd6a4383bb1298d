/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Of a half-open flow only the client's packets are seen. One that sends its SYN again has had
 * no answer; one that goes on has had one. A RST in between says that it did not like the
 * answer, or gave up.
 */
#include "dataplane/evidence.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_mbuf.h>

#include "channel/message.h"
#include "dataplane/dataplane.h"
#include "dataplane/spsc_ring.h"
#include "dataplane/worker.h"
#include "flow/flow_state.h"
#include "net/unreachable.h"
#include "service/snapshot.h"

int
evidence_create(struct evidence *evidence, uint16_t nb_workers)
{
	bool created;

	*evidence = (struct evidence){ .wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) };
	if (evidence->wake_fd < 0)
		return -errno;
	evidence->exists = true;
	evidence->unreachables = spsc_ring_create(EVIDENCE_RING, sizeof(struct unreachable));
	created = evidence->unreachables != NULL;
	for (uint16_t i = 0; i < nb_workers; i++) {
		evidence->signs[i] = spsc_ring_create(EVIDENCE_RING, sizeof(struct evidence_sign));
		created &= evidence->signs[i] != NULL;
	}
	if (created)
		return 0;
	evidence_destroy(evidence);
	return -ENOMEM;
}

void
evidence_destroy(struct evidence *evidence)
{
	if (evidence->exists)
		close(evidence->wake_fd);
	spsc_ring_destroy(evidence->unreachables);
	for (unsigned int i = 0; i < CONFIG_MAX_WORKERS; i++)
		spsc_ring_destroy(evidence->signs[i]);
	*evidence = (struct evidence){ 0 };
}

void
evidence_of_half_open(struct worker *w, const struct snapshot_member *member, uint32_t flow,
		uint8_t tcp_flags, uint8_t state)
{
	struct member_evidence *evidence = &w->evidence[member->stats];
	struct evidence_sign sign = { .stats = member->stats, .flow = flow };

	if (state == FLOW_OPEN) {
		stat_add(&evidence->opened, 1);
		return;
	}
	if ((tcp_flags & FLOW_TCP_RST) != 0) {
		stat_add(&evidence->resets, 1);
		sign.kind = SUSPECT_RESETS;
	} else if ((tcp_flags & (FLOW_TCP_SYN | FLOW_TCP_ACK | FLOW_TCP_FIN)) == FLOW_TCP_SYN) {
		stat_add(&evidence->syn_retransmissions, 1);
		sign.kind = SUSPECT_SYN_RETRANSMISSIONS;
	} else {
		return;
	}
	sign.opened = stat_get(&evidence->opened);
	(void)!spsc_ring_put(w->dp->evidence.signs[w->index], &sign); /* It was counted. */
}

bool
evidence_receive(const struct dataplane *dp, const struct exception *x)
{
	struct rte_mbuf *m = x->mbuf;
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t len = rte_pktmbuf_data_len(m);
	struct stats_header *header = dp->stats;
	struct unreachable error;
	struct packet packet;

	packet_parse(frame, len, rte_pktmbuf_pkt_len(m), &packet);
	if (!unreachable_parse(frame, len, &packet, &error) ||
			!interface_is_own(&dp->interfaces, &error.source))
		return false;
	rte_pktmbuf_free(m);
	if (spsc_ring_put(dp->evidence.unreachables, &error))
		stat_add(&header->unreachables, 1);
	else
		stat_add(&header->unreachables_lost, 1);
	return true;
}

static bool
anything_waits(const struct dataplane *dp)
{
	bool waits = spsc_ring_waits(dp->evidence.unreachables);

	for (uint16_t i = 0; i < dp->nb_workers; i++)
		waits |= spsc_ring_waits(dp->evidence.signs[i]);
	return waits;
}

bool
evidence_wake(const struct dataplane *dp)
{
	return anything_waits(dp) && eventfd_write(dp->evidence.wake_fd, 1) == 0;
}

void
evidence_woken(const struct evidence *evidence)
{
	eventfd_t value;

	(void)!eventfd_read(evidence->wake_fd, &value);
}
