/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/pipeline.h"

#include <stdatomic.h>

#include "dataplane/burst.h"

void
pipeline_run(struct worker *w, const struct worker_port *in, struct rte_mbuf **frames, uint16_t nb)
{
	struct burst b;

	b.snapshot = atomic_load_explicit(&w->dp->snapshot, memory_order_acquire);
	b.in = in;
	b.nb4 = 0;
	b.nb6 = 0;
	b.nb_out = 0;

	burst_parse(w, &b, frames, nb);
	if (b.nb4 != 0) {
		burst_find_service4(w, &b);
		burst_find_member4(w, &b);
	}
	if (b.nb6 != 0) {
		burst_find_service6(w, &b);
		burst_find_member6(w, &b);
	}
	burst_rewrite(w, &b);
}
