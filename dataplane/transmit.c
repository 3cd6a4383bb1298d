/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sending: what the pipeline left in worker->tx, and what others put into the outboxes of
 * this worker's ports.
 */
#include <rte_ethdev.h>
#include <rte_ring.h>

#include "dataplane/leave.h"
#include "dataplane/worker.h"

static void
drop_all(struct worker *w, struct rte_mbuf **frames, uint16_t nb, enum drop_reason reason)
{
	if (nb == 0)
		return;
	stat_add(&w->stats->drops[reason], nb);
	rte_pktmbuf_free_bulk(frames, nb);
}

/* The bytes must be read before the driver may free the frames. */
static uint64_t
bytes_of(struct rte_mbuf *const *frames, uint16_t nb)
{
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < nb; i++)
		bytes += frames[i]->pkt_len;
	return bytes;
}

/* @return how many the port took. */
static uint16_t
send_burst(struct worker *w, const struct port *port, uint16_t queue, struct rte_mbuf **frames,
		uint16_t nb)
{
	uint64_t bytes = bytes_of(frames, nb);
	uint16_t sent = rte_eth_tx_burst(port->id, queue, frames, nb);

	if (unlikely(sent < nb)) {
		bytes -= bytes_of(frames + sent, (uint16_t)(nb - sent));
		drop_all(w, frames + sent, (uint16_t)(nb - sent), DROP_TX_FULL);
	}
	stat_add(&w->stats->tx_packets, sent);
	stat_add(&w->stats->tx_bytes, bytes);
	return sent;
}

/* Another worker owns the port's queue: it will send them. @return how many it can take. */
static uint16_t
hand_over(struct worker *w, const struct port *port, struct rte_mbuf **frames, uint16_t nb)
{
	uint16_t put = (uint16_t)rte_ring_enqueue_burst(port->outbox, (void **)frames, nb, NULL);

	drop_all(w, frames + put, (uint16_t)(nb - put), DROP_HANDOVER_RING);
	return put;
}

void
worker_flush(struct worker *w)
{
	uint64_t forwarded = 0;

	for (uint16_t i = 0; i < w->dp->nb_ports; i++) {
		struct worker_tx *tx = &w->tx[i];

		if (tx->nb == 0)
			continue;
		if (likely(tx->queue != WORKER_NO_QUEUE))
			forwarded += send_burst(w, &w->dp->ports[i], tx->queue, tx->frames, tx->nb);
		else
			forwarded += hand_over(w, &w->dp->ports[i], tx->frames, tx->nb);
		tx->nb = 0;
	}
	stat_add(&w->stats->forwarded, forwarded);
}

void
worker_poll_tx(struct worker *w)
{
	for (uint16_t i = 0; i < w->dp->nb_ports; i++) {
		const struct port *port = &w->dp->ports[i];

		if (port->needs_tx_poll && w->tx[i].queue != WORKER_NO_QUEUE)
			rte_eth_tx_burst(port->id, w->tx[i].queue, NULL, 0);
	}
}

unsigned int
worker_drain_outboxes(struct worker *w)
{
	struct rte_mbuf *frames[BURST_MAX];
	unsigned int total = 0;

	for (uint16_t i = 0; i < w->nb_outboxes; i++) {
		const struct port *port = w->outboxes[i];
		unsigned int nb = rte_ring_dequeue_burst(
				port->outbox, (void **)frames, BURST_MAX, NULL);

		if (nb == 0)
			continue;
		send_burst(w, port, w->tx[port->index].queue, frames, (uint16_t)nb);
		total += nb;
	}
	return total;
}
