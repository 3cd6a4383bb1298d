/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/interface.h"

bool
interface_is_own(const struct interface_table *table, const struct ip_addr *addr)
{
	for (uint16_t i = 0; i < table->nb; i++) {
		const struct interface_conf *conf = table->interfaces[i].conf;

		for (uint16_t j = 0; j < conf->nb_addresses; j++)
			if (ip_addr_equal(&conf->addresses[j].addr, addr))
				return true;
	}
	return false;
}
