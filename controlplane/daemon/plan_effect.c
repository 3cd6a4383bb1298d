/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Tables may differ in size. A flow's slot is its hash scaled to the table, so slot j of M
 * stands for the part from j/M to (j+1)/M of all flows: both tables are walked together, from
 * one border to the next, and lengths are counted in 1/(M·M'), which is exact in 64 bits.
 */
#include "controlplane/daemon/plan_effect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash/maglev.h"

/** A resolved table, its slots naming members of the effect. */
struct table_view {
	uint32_t nb_slots;
	uint16_t *slots; /* NULL: there is no service. */
};

static struct maglev_backend
table_backend(const struct backend_conf *conf, uint32_t index)
{
	bool takes = backend_effect(ON_DOWN_MOVE, conf->admin, conf->health).takes_new_flows;

	return (struct maglev_backend){ .key = backend_identity(&conf->addr),
		.weight = conf->weight,
		.factor = takes ? conf->factor : 0,
		.index = (uint16_t)index };
}

static int
build(const struct maglev_backend *backends, uint32_t nb, struct table_view *out)
{
	uint16_t *anchor = malloc(out->nb_slots * sizeof(*anchor));
	int ret = -ENOMEM;

	out->slots = malloc(out->nb_slots * sizeof(*out->slots));
	if (anchor != NULL && out->slots != NULL)
		ret = maglev_build(anchor, out->nb_slots, backends, nb);
	if (ret == 0)
		maglev_resolve(out->slots, anchor, out->nb_slots, backends, nb);
	free(anchor);
	if (ret != 0) {
		free(out->slots);
		out->slots = NULL;
	}
	return ret;
}

/** @param after Which side of the effect's members. */
static int
table_make(const struct service_conf *conf, const struct plan_effect *e, bool after,
		struct table_view *out)
{
	struct maglev_backend *backends = malloc((e->nb + 1) * sizeof(*backends));
	uint32_t nb = 0;
	int ret;

	if (backends == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < e->nb; i++) {
		const struct backend_conf *side =
				after ? e->members[i].after : e->members[i].before;

		if (side != NULL)
			backends[nb++] = table_backend(side, i);
	}
	out->nb_slots = conf->nb_slots != 0 ? conf->nb_slots : maglev_default_slots(backends, nb);
	ret = build(backends, nb, out);
	free(backends);
	return ret;
}

/* Both lists are sorted by address. */
static int
join_members(const struct desired_service *before, const struct desired_service *after,
		struct plan_effect *e)
{
	uint32_t nb_before = before != NULL ? before->nb : 0;
	uint32_t nb_after = after != NULL ? after->nb : 0;
	uint32_t i = 0, j = 0;

	e->members = calloc((size_t)nb_before + nb_after + 1, sizeof(*e->members));
	if (e->members == NULL)
		return -ENOMEM;
	while (i < nb_before || j < nb_after) {
		int order = i == nb_before	? 1
				: j == nb_after ? -1
						: ip_addr_compare(&before->members[i].addr,
								  &after->members[j].addr);
		struct plan_member *m = &e->members[e->nb++];

		if (order <= 0)
			m->before = &before->members[i++];
		if (order >= 0)
			m->after = &after->members[j++];
	}
	return 0;
}

/* What had no owner before does not move. */
static double
moved_part(const struct table_view *a, const struct table_view *b)
{
	uint64_t moved = 0, at = 0;
	uint64_t total = (uint64_t)a->nb_slots * b->nb_slots;
	uint32_t i = 0, j = 0;

	while (i < a->nb_slots && j < b->nb_slots) {
		uint64_t end_a = (uint64_t)(i + 1) * b->nb_slots;
		uint64_t end_b = (uint64_t)(j + 1) * a->nb_slots;
		uint64_t end = end_a < end_b ? end_a : end_b;

		if (a->slots[i] != MAGLEV_NO_BACKEND && a->slots[i] != b->slots[j])
			moved += end - at;
		i += end == end_a;
		j += end == end_b;
		at = end;
	}
	return (double)moved / (double)total;
}

static uint32_t
count_owned(const struct table_view *t, uint32_t *counts)
{
	uint32_t nb = 0;

	for (uint32_t i = 0; t->slots != NULL && i < t->nb_slots; i++) {
		if (t->slots[i] == MAGLEV_NO_BACKEND)
			continue;
		counts[t->slots[i]]++;
		nb++;
	}
	return nb;
}

/** What its owners lose, whatever the order of slots. */
static double
minimum_part(const struct plan_effect *e)
{
	double least = 0;

	for (uint32_t i = 0; i < e->nb; i++) {
		const struct plan_member *m = &e->members[i];
		double before = (double)m->slots_before / (double)e->slots_before;
		double after = e->slots_after != 0 ? (double)m->slots_after / (double)e->slots_after
						   : 0;

		if (before > after)
			least += before - after;
	}
	return least;
}

static int
count_slots(struct plan_effect *e, const struct table_view *before, const struct table_view *after)
{
	uint32_t *counts = calloc(2 * (size_t)e->nb + 1, sizeof(*counts));
	uint32_t nb_owned;

	if (counts == NULL)
		return -ENOMEM;
	nb_owned = count_owned(before, counts);
	count_owned(after, counts + e->nb);
	for (uint32_t i = 0; i < e->nb; i++) {
		e->members[i].slots_before = counts[i];
		e->members[i].slots_after = counts[e->nb + i];
	}
	free(counts);
	e->slots_before = before->slots != NULL ? before->nb_slots : 0;
	e->slots_after = after->slots != NULL ? after->nb_slots : 0;
	if (before->slots != NULL && after->slots != NULL)
		e->moved = moved_part(before, after);
	else if (before->slots != NULL)
		e->moved = (double)nb_owned / before->nb_slots;
	if (before->slots != NULL)
		e->moved_minimum = minimum_part(e);
	return 0;
}

int
plan_effect_make(const struct desired_service *before, const struct desired_service *after,
		struct plan_effect *out)
{
	struct table_view tables[2] = { { 0 } };
	int ret;

	memset(out, 0, sizeof(*out));
	ret = join_members(before, after, out);
	if (ret == 0 && before != NULL)
		ret = table_make(&before->conf, out, false, &tables[0]);
	if (ret == 0 && after != NULL)
		ret = table_make(&after->conf, out, true, &tables[1]);
	if (ret == 0)
		ret = count_slots(out, &tables[0], &tables[1]);
	free(tables[0].slots);
	free(tables[1].slots);
	if (ret != 0)
		plan_effect_clear(out);
	return ret;
}

void
plan_effect_clear(struct plan_effect *e)
{
	free(e->members);
	memset(e, 0, sizeof(*e));
}
