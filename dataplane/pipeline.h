/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_PIPELINE_H
#define DATAPLANE_PIPELINE_H

/**
 * @file
 * The pipeline: what a worker does with the packets that it took from a queue.
 */

#include <stdint.h>

#include "dataplane/worker.h"

/**
 * Forward a burst. Every frame is taken: it ends in worker->tx (to be sent by
 * worker_flush()), with the main lcore, or dropped and counted.
 *
 * The snapshot is read once; it must stay valid until the worker next reports a
 * quiescent state.
 *
 * @param in One of worker->ports.
 * @param nb At most BURST_MAX; worker->tx must be empty.
 */
void pipeline_run(struct worker *w, const struct worker_port *in, struct rte_mbuf **frames,
		uint16_t nb);

#endif
