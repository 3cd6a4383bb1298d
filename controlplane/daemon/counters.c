/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A table by statistics index holds who counted there and how much. Every second the
 * directory is walked: where somebody else (or nobody) is now, what was counted last is
 * added to the retired totals of its service. A freed number stays in the dataplane's
 * quarantine for much longer than a second, so nothing is missed but what a member
 * counted in its last moments.
 */
#include "controlplane/daemon/counters.h"

#include <stdlib.h>
#include <string.h>

#include "channel/stats.h"
#include "service/service_id.h"

#include "controlplane/clock.h"

/** Loads are differences over at least so much time. */
#define LOAD_MIN_US 900000

struct tracked {
	bool used;
	bool routed;
	uint8_t health;
	uint32_t factor;
	uint16_t service_id;
	uint32_t slots;
	struct service_key service;
	struct ip_addr addr;
	struct counters_sum sum;
};

struct load {
	uint64_t busy_cycles;
	uint64_t total_cycles;
	double load; /* Negative: not known. */
};

struct counters {
	void *region; /* Mapped read-only; stats.h's accessors take no const. NULL: no session. */
	const struct stats_header *header;

	/* Who the dataplane was. */
	uint64_t start_time_s;
	uint32_t max_members;
	uint32_t nb_workers;

	struct tracked *tracked;	  /* max_members. */
	uint32_t nb_tracked;		  /* One more than the highest index that was ever used. */
	struct counters_service *retired; /* Sorted by key; only `key` and `retired` are filled. */
	uint32_t nb_retired;
	uint32_t room_retired;

	uint64_t loads_us;
	struct load loads[STATS_MAX_WORKERS];

	/* Made by counters_read(). */
	struct counters_member *members; /* Sorted by service and address. */
	uint32_t nb_members;
	struct counters_service *services; /* Sorted by key. */
	uint32_t nb_services;
};

struct counters *
counters_create(void)
{
	return calloc(1, sizeof(struct counters));
}

static void
view_free(struct counters *c)
{
	free(c->members);
	free(c->services);
	c->members = NULL;
	c->services = NULL;
	c->nb_members = 0;
	c->nb_services = 0;
}

static void
forget(struct counters *c)
{
	view_free(c);
	free(c->tracked);
	free(c->retired);
	c->tracked = NULL;
	c->nb_tracked = 0;
	c->retired = NULL;
	c->nb_retired = 0;
	c->room_retired = 0;
	c->max_members = 0;
}

void
counters_destroy(struct counters *c)
{
	if (c == NULL)
		return;
	forget(c);
	free(c);
}

void
counters_attach(struct counters *c, const void *stats)
{
	const struct stats_header *h = stats;

	if (c->tracked == NULL || c->start_time_s != h->start_time_s ||
			c->max_members != h->max_members || c->nb_workers != h->nb_workers) {
		forget(c);
		c->start_time_s = h->start_time_s;
		c->nb_workers = h->nb_workers;
		c->tracked = calloc(h->max_members + 1, sizeof(*c->tracked));
		c->max_members = c->tracked != NULL ? h->max_members : 0;
	}
	c->region = (void *)(uintptr_t)stats;
	c->header = h;
	for (unsigned int i = 0; i < STATS_MAX_WORKERS; i++)
		c->loads[i] = (struct load){ .load = -1 };
	c->loads_us = 0;
}

void
counters_detach(struct counters *c)
{
	c->region = NULL;
	c->header = NULL;
	view_free(c);
}

void *
counters_region(const struct counters *c)
{
	return c->region;
}

double
counters_load(const struct counters *c, uint32_t worker)
{
	return worker < STATS_MAX_WORKERS ? c->loads[worker].load : -1;
}

/* Retired totals. */

static uint32_t
retired_place(const struct counters *c, const struct service_key *key)
{
	uint32_t low = 0, high = c->nb_retired;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (service_key_compare(&c->retired[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const struct counters_sum *
retired_find(const struct counters *c, const struct service_key *key)
{
	uint32_t at = retired_place(c, key);

	if (at < c->nb_retired && service_key_compare(&c->retired[at].key, key) == 0)
		return &c->retired[at].retired;
	return NULL;
}

static void
sum_add(struct counters_sum *to, const struct counters_sum *from)
{
	to->packets += from->packets;
	to->bytes += from->bytes;
	to->new_flows += from->new_flows;
	to->active_flows += from->active_flows;
	to->syn_retransmissions += from->syn_retransmissions;
	to->resets += from->resets;
	to->unreachables += from->unreachables;
}

static void
retire(struct counters *c, const struct tracked *t)
{
	uint32_t at = retired_place(c, &t->service);
	struct counters_sum sum = t->sum;

	if (at == c->nb_retired || service_key_compare(&c->retired[at].key, &t->service) != 0) {
		if (c->nb_retired == c->room_retired) {
			uint32_t room = c->room_retired * 2 + 16;
			void *more = realloc(c->retired, room * sizeof(*c->retired));

			if (more == NULL)
				return; /* The sum runs backwards once; better than to stop. */
			c->retired = more;
			c->room_retired = room;
		}
		memmove(&c->retired[at + 1], &c->retired[at],
				(c->nb_retired - at) * sizeof(*c->retired));
		c->retired[at] = (struct counters_service){ .key = t->service };
		c->nb_retired++;
	}
	sum.active_flows = 0;
	sum_add(&c->retired[at].retired, &sum);
}

/* Walking the directory. */

static struct counters_sum
sum_workers(const struct counters *c, uint32_t index, uint64_t unreachables)
{
	struct counters_sum sum = { .unreachables = unreachables };

	for (uint32_t w = 0; w < c->nb_workers; w++) {
		const struct member_stats *m = &stats_worker_members(c->region, w)[index];
		const struct member_evidence *evidence = stats_worker_evidence(c->region, w);

		sum.packets += stat_get(&m->packets);
		sum.bytes += stat_get(&m->bytes);
		sum.new_flows += stat_get(&m->new_flows);
		sum.active_flows += stat_get(&m->active_flows);
		if (evidence == NULL)
			continue;
		sum.syn_retransmissions += stat_get(&evidence[index].syn_retransmissions);
		sum.resets += stat_get(&evidence[index].resets);
	}
	return sum;
}

/** The entry is somebody's: is it whom we know? */
static void
track(struct counters *c, uint32_t index, const struct stats_member *entry)
{
	struct tracked *t = &c->tracked[index];
	struct stats_service service;

	if (entry->service_id >= c->header->max_services ||
			stats_service_read(stats_service(c->region, entry->service_id), &service) !=
					0 ||
			!service.used)
		return; /* Between two changes: the next walk sees it. */
	if (t->used &&
			(service_key_compare(&t->service, &service.key) != 0 ||
					!ip_addr_equal(&t->addr, &entry->conf.addr))) {
		retire(c, t);
		t->used = false;
	}
	t->used = true;
	t->routed = entry->routed != 0;
	t->health = entry->conf.health;
	t->factor = entry->conf.factor;
	t->slots = entry->slots;
	t->service_id = entry->service_id;
	t->service = service.key;
	t->addr = entry->conf.addr;
	t->sum = sum_workers(c, index, entry->unreachables);
}

static void
walk(struct counters *c)
{
	for (uint32_t i = 0; i < c->max_members; i++) {
		const struct stats_member *shared = stats_member(c->region, i);
		struct tracked *t = &c->tracked[i];
		struct stats_member entry;

		if (!shared->used && !t->used)
			continue;
		if (stats_member_read(shared, &entry) != 0)
			continue;
		if (entry.used) {
			track(c, i, &entry);
		} else if (t->used) {
			retire(c, t);
			memset(t, 0, sizeof(*t));
		}
		if (t->used && i >= c->nb_tracked)
			c->nb_tracked = i + 1;
	}
}

static void
loads_tick(struct counters *c)
{
	uint64_t now = clock_monotonic_us();

	if (now - c->loads_us < LOAD_MIN_US)
		return;
	for (uint32_t w = 0; w < c->nb_workers; w++) {
		const struct worker_stats *stats = stats_worker(c->region, w);
		struct load *load = &c->loads[w];
		uint64_t busy = stat_get(&stats->busy_cycles);
		uint64_t total = stat_get(&stats->total_cycles);

		if (c->loads_us != 0 && total > load->total_cycles) {
			load->load = (double)(busy - load->busy_cycles) /
					(double)(total - load->total_cycles);
			if (load->load > 1)
				load->load = 1;
		}
		load->busy_cycles = busy;
		load->total_cycles = total;
	}
	c->loads_us = now;
}

void
counters_tick(struct counters *c)
{
	if (c->region == NULL)
		return;
	walk(c);
	loads_tick(c);
}

/* The sorted view. */

static int
compare_members(const void *a, const void *b)
{
	const struct counters_member *x = a, *y = b;
	int order = service_key_compare(&x->service, &y->service);

	return order != 0 ? order : ip_addr_compare(&x->addr, &y->addr);
}

static void
view_members(struct counters *c)
{
	for (uint32_t i = 0; i < c->nb_tracked; i++) {
		const struct tracked *t = &c->tracked[i];

		if (t->used)
			c->members[c->nb_members++] =
					(struct counters_member){ .service = t->service,
						.addr = t->addr,
						.routed = t->routed,
						.health = t->health,
						.factor = t->factor,
						.slots = t->slots,
						.sum = t->sum };
	}
	qsort(c->members, c->nb_members, sizeof(*c->members), compare_members);
}

static int
compare_services(const void *a, const void *b)
{
	const struct counters_service *x = a, *y = b;

	return service_key_compare(&x->key, &y->key);
}

static struct counters_service *
find_service(const struct counters *c, const struct service_key *key)
{
	struct counters_service wanted = { .key = *key };

	if (c->nb_services == 0)
		return NULL;
	return bsearch(&wanted, c->services, c->nb_services, sizeof(*c->services),
			compare_services);
}

static void
view_services(struct counters *c)
{
	struct stats_service entry;

	for (uint32_t id = 0; id < c->header->max_services; id++) {
		const struct stats_service *shared = stats_service(c->region, id);
		struct counters_service *service;
		const struct counters_sum *retired;

		if (!shared->used || stats_service_read(shared, &entry) != 0 || !entry.used)
			continue;
		service = &c->services[c->nb_services++];
		*service = (struct counters_service){ .key = entry.key,
			.nb_slots = entry.nb_slots };
		retired = retired_find(c, &entry.key);
		if (retired != NULL) {
			service->retired = *retired;
			service->sum = *retired;
		}
	}
	qsort(c->services, c->nb_services, sizeof(*c->services), compare_services);
	for (uint32_t i = 0; i < c->nb_members; i++) {
		struct counters_service *service = find_service(c, &c->members[i].service);

		if (service != NULL)
			sum_add(&service->sum, &c->members[i].sum);
	}
}

bool
counters_read(struct counters *c)
{
	view_free(c);
	if (c->region == NULL || c->tracked == NULL)
		return false;
	walk(c);
	c->members = malloc((c->nb_tracked + 1) * sizeof(*c->members));
	c->services = malloc((c->header->max_services + 1) * sizeof(*c->services));
	if (c->members == NULL || c->services == NULL) {
		view_free(c);
		return false;
	}
	view_members(c);
	view_services(c);
	return true;
}

const struct counters_service *
counters_find_service(const struct counters *c, const struct service_key *key)
{
	return find_service(c, key);
}

const struct counters_member *
counters_find_member(const struct counters *c, const struct service_key *service,
		const struct ip_addr *addr)
{
	struct counters_member wanted = { .service = *service, .addr = *addr };

	if (c->nb_members == 0)
		return NULL;
	return bsearch(&wanted, c->members, c->nb_members, sizeof(*c->members), compare_members);
}
