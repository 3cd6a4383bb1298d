/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An rte_ring of 16-byte elements for each class. Producers use the relaxed-tail
 * mode (RING_F_MP_RTS_ENQ): where workers share a CPU, one that is preempted in the
 * middle of an enqueue does not make the others wait for it.
 */
#include "dataplane/exception.h"

#include <errno.h>
#include <stdio.h>

#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "base/compiler.h"

/* Room of each class. An ARP storm needs more of it than echo, which is rate-limited anyway. */
static const struct {
	const char *name;
	unsigned int size;
} classes[NB_EXCEPTION_CLASSES] = {
	[EXCEPTION_NEIGHBOUR] = { "exc_neighbour", 1024 },
	[EXCEPTION_UNRESOLVED] = { "exc_unresolved", 1024 },
	[EXCEPTION_RESET] = { "exc_reset", 1024 },
	[EXCEPTION_ECHO] = { "exc_echo", 512 },
	[EXCEPTION_ICMP_ERROR] = { "exc_icmp_error", 256 },
	[EXCEPTION_PUNT] = { "exc_punt", 2048 },
};

int
exceptions_create(struct exceptions *e)
{
	for (unsigned int i = 0; i < NB_EXCEPTION_CLASSES; i++)
		e->rings[i] = NULL;
	for (unsigned int i = 0; i < NB_EXCEPTION_CLASSES; i++) {
		e->rings[i] = rte_ring_create_elem(classes[i].name, sizeof(struct exception),
				classes[i].size, (int)rte_socket_id(),
				RING_F_MP_RTS_ENQ | RING_F_SC_DEQ);
		if (e->rings[i] == NULL) {
			int error = rte_errno;

			exceptions_destroy(e);
			return -error;
		}
	}
	return 0;
}

void
exceptions_destroy(struct exceptions *e)
{
	for (unsigned int i = 0; i < NB_EXCEPTION_CLASSES; i++) {
		struct exception x;

		if (e->rings[i] == NULL)
			continue;
		while (exception_take(e, (enum exception_class)i, &x, 1) == 1)
			rte_pktmbuf_free(x.mbuf);
		rte_ring_free(e->rings[i]);
		e->rings[i] = NULL;
	}
}

bool
exception_raise(struct exceptions *e, enum exception_class class, const struct exception *x)
{
	/* The ring only reads it; DPDK's parameter lacks the const. */
	struct exception copy = *x;

	return rte_ring_enqueue_elem(e->rings[class], &copy, sizeof(copy)) == 0;
}

unsigned int
exception_take(struct exceptions *e, enum exception_class class, struct exception *x,
		unsigned int max)
{
	return rte_ring_dequeue_burst_elem(e->rings[class], x, sizeof(*x), max, NULL);
}
