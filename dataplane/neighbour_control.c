/* SPDX-License-Identifier: BSD-3-Clause */
/* The control thread's side of neighbours: a route decision, then the ledger. */

#include <string.h>

#include "dataplane/dataplane.h"
#include "dataplane/neighbour_private.h"
#include "dataplane/route.h"
#include "service/state.h"

bool
neighbour_acquire(struct neighbours *n, const struct ip_addr *addr, bool on_link,
		struct backend_route *out)
{
	struct route route;
	struct hop_key key;
	uint32_t index;

	if (!route_find(&n->dp->interfaces, addr, on_link, &route))
		return false;
	key = (struct hop_key){ .addr = route.hop, .interface = route.interface->index };
	index = hop_ledger_acquire(n->ledger, &key);
	if (index == HOP_NONE)
		return false;
	memset(out, 0, sizeof(*out));
	out->nexthop = index;
	out->source = route.source;
	out->mtu = route.interface->mtu;
	return true;
}

bool
neighbour_take_relief(struct neighbours *n)
{
	return hop_ledger_take_relief(n->ledger);
}

void
neighbour_release(struct neighbours *n, uint32_t nexthop)
{
	hop_ledger_release(n->ledger, nexthop);
}

bool
neighbour_next_change(struct neighbours *n, struct neighbour_change *out)
{
	struct hop_key key;
	uint32_t index;
	uint64_t entry;

	if (!hop_ledger_next_change(n->ledger, &index, &key))
		return false;
	entry = nexthop_get(n->dp->nexthops, index);
	out->addr = key.addr;
	out->reachable = nexthop_is_resolved(entry);
	memcpy(out->mac, &entry, sizeof(out->mac));
	return true;
}
