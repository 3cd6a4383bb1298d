/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/shared.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include "channel/region.h"
#include "dataplane/dataplane.h"
#include "dataplane/log.h"

_Static_assert(CONFIG_MAX_WORKERS <= STATS_MAX_WORKERS, "room in the region");
_Static_assert(CONFIG_MAX_PORTS <= STATS_MAX_PORTS, "room in the region");

/* Workers, and the main lcore behind them. */
static uint32_t
nb_readers(uint16_t nb_workers)
{
	return nb_workers + 1U;
}

uint64_t
shared_memory(uint16_t nb_workers)
{
	return sizeof(struct nexthop_table) + rte_rcu_qsbr_get_memsize(nb_readers(nb_workers));
}

static void
fill_header(const struct dataplane *dp)
{
	struct stats_header *header = dp->stats;

	header->tsc_hz = rte_get_tsc_hz();
	header->start_time_s = (uint64_t)time(NULL);
	stat_set(&header->advertises, dp->conf.advertise_tap[0] != '\0');
	snprintf(header->version, sizeof(header->version), "%s", GUIDEWAY_VERSION);
	header->nb_ports = dp->nb_ports;
	for (uint16_t i = 0; i < dp->nb_ports; i++) {
		snprintf(header->ports[i].name, sizeof(header->ports[i].name), "%s",
				dp->ports[i].conf->name);
		stat_set(&header->ports[i].mtu, dp->ports[i].mtu);
	}
}

static int
create_stats(struct dataplane *dp)
{
	const struct dataplane_conf *conf = &dp->conf;
	struct region region;
	int ret = region_create(&region, REGION_STATS,
			stats_region_size(conf->nb_workers, conf->max_services, conf->max_members));

	if (ret < 0)
		return ret;
	dp->stats = region.base;
	dp->stats_size = region.size;
	dp->stats_fd = region.fd;
	stats_region_init(dp->stats, conf->nb_workers, conf->max_services, conf->max_members);
	fill_header(dp);
	return 0;
}

static int
create_qsbr(struct dataplane *dp)
{
	const uint32_t nb = nb_readers(dp->conf.nb_workers);

	dp->qsbr = rte_zmalloc("qsbr", rte_rcu_qsbr_get_memsize(nb), RTE_CACHE_LINE_SIZE);
	if (dp->qsbr == NULL)
		return -ENOMEM;
	return rte_rcu_qsbr_init(dp->qsbr, nb) == 0 ? 0 : -rte_errno;
}

int
shared_create(struct dataplane *dp)
{
	int ret = create_stats(dp);

	if (ret < 0) {
		LOG_MAIN(ERR, "statistics region: %s", strerror(-ret));
		dp->stats_fd = -1;
		return ret;
	}
	dp->nexthops = rte_zmalloc("nexthops", sizeof(*dp->nexthops), RTE_CACHE_LINE_SIZE);
	ret = dp->nexthops == NULL ? -ENOMEM : create_qsbr(dp);
	if (ret == 0)
		ret = evidence_create(&dp->evidence, dp->conf.nb_workers);
	if (ret < 0)
		shared_destroy(dp);
	return ret;
}

void
shared_destroy(struct dataplane *dp)
{
	struct region region = { .base = dp->stats, .size = dp->stats_size, .fd = dp->stats_fd };

	evidence_destroy(&dp->evidence);
	rte_free(dp->qsbr);
	dp->qsbr = NULL;
	rte_free(dp->nexthops);
	dp->nexthops = NULL;
	region_close(&region);
	dp->stats = NULL;
	dp->stats_fd = -1;
}
