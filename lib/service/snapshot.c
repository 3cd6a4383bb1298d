/* SPDX-License-Identifier: BSD-3-Clause */
#include "service/snapshot.h"

bool
snapshot_is_vip(const struct snapshot *s, const struct ip_addr *addr)
{
	uint32_t low = 0;
	uint32_t high = s->nb_vips;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = ip_addr_compare(addr, &s->vips[middle]);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}
