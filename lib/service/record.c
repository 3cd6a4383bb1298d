/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a change costs depends on what it changes:
 *
 *   identities, weights or the number of slots: the anchor table is built anew;
 *   factors, admin states, health, routes: the slots that this can move are resolved anew;
 *   anything else (life times, on-down): both tables are shared with the version in force.
 *
 * Maglev sees only live members with a weight, in the order of their indexes. If
 * these are 0, 1, 2… without a gap and every factor is one, then the resolved
 * table equals the anchor table, and one piece of memory is both. That is the
 * usual case of a service without trouble.
 *
 * The part is one piece of memory: struct snapshot_service, then its members.
 */
#include "service/record.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash/maglev.h"
#include "service/aligned.h"
#include "service/number.h"

/* The table of a removed service: one slot, nobody. */
static const alignas(CACHE_LINE) uint16_t no_slots[1] = { MAGLEV_NO_BACKEND };

/* What maglev.h wants to know of a service. */
struct share_list {
	struct maglev_backend *at;
	uint32_t nb;
	bool in_place; /* The position of each is its index. */
	bool whole;    /* Every factor is one. */
};

struct record *
record_create(const struct service_conf *conf, const struct siphash_key *key)
{
	struct record *record = calloc(1, sizeof(*record));

	if (record == NULL)
		return NULL;
	record->conf = *conf;
	record->id = NUMBER_NONE;
	record->live = true;
	member_set_init(&record->members, key);
	return record;
}

struct record *
record_copy(const struct record *from, uint32_t nb_more)
{
	struct record *record = record_create(&from->conf, from->members.key);

	if (record == NULL)
		return NULL;
	record->id = from->id;
	record->live = from->live;
	record->batch = from->batch;
	if (member_set_copy(&record->members, &from->members, nb_more) < 0) {
		record_destroy(record);
		return NULL;
	}
	for (uint32_t i = 0; i < record->members.nb; i++) {
		record->members.at[i].route_taken = false;
		record->members.at[i].counted = false;
	}
	return record;
}

void
record_destroy(struct record *record)
{
	if (record == NULL)
		return;
	free(record->part);
	table_put(record->slots);
	table_put(record->anchor);
	member_set_fini(&record->members);
	free(record);
}

/* The weight that Maglev sees. */
static uint32_t
member_weight(const struct member *m)
{
	return m->presence == PRESENCE_LIVE ? m->conf.weight : 0;
}

/* Takes it new flows? On-down makes no difference to that. */
static uint32_t
member_factor(const struct member *m)
{
	bool takes = backend_effect(ON_DOWN_MOVE, m->conf.admin, m->conf.health).takes_new_flows;

	return m->routed && takes ? m->conf.factor : 0;
}

static int
share_list_init(struct share_list *list, const struct record *record)
{
	const struct member_set *set = &record->members;

	list->nb = 0;
	list->in_place = true;
	list->whole = true;
	list->at = malloc((set->nb + 1) * sizeof(*list->at));
	if (list->at == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < set->nb; i++) {
		const struct member *m = &set->at[i];

		if (member_weight(m) == 0)
			continue;
		list->at[list->nb] = (struct maglev_backend){
			.key = m->identity,
			.weight = m->conf.weight,
			.factor = member_factor(m),
			.index = (uint16_t)i,
		};
		list->in_place &= i == list->nb;
		list->whole &= list->at[list->nb].factor == MAGLEV_FACTOR_ONE;
		list->nb++;
	}
	return 0;
}

/*
 * Do both versions have the same identities and weights? An index changes hands
 * only by way of a version in which nobody live has it.
 */
static bool
same_weights(const struct member_set *a, const struct member_set *b)
{
	const struct member_set *longer = a->nb > b->nb ? a : b;
	uint32_t nb = a->nb < b->nb ? a->nb : b->nb;

	for (uint32_t i = 0; i < nb; i++)
		if (member_weight(&a->at[i]) != member_weight(&b->at[i]))
			return false;
	for (uint32_t i = nb; i < longer->nb; i++)
		if (member_weight(&longer->at[i]) != 0)
			return false;
	return true;
}

/* Of two versions with the same weights. */
static bool
same_factors(const struct member_set *a, const struct member_set *b)
{
	uint32_t nb = a->nb < b->nb ? a->nb : b->nb;

	for (uint32_t i = 0; i < nb; i++)
		if (member_weight(&a->at[i]) != 0 &&
				member_factor(&a->at[i]) != member_factor(&b->at[i]))
			return false;
	return true;
}

static enum conf_error
anchor_build(struct record *record, uint32_t nb_slots, const struct share_list *list)
{
	struct table *anchor = table_create(nb_slots);
	int ret;

	if (anchor == NULL)
		return CONF_NO_MEMORY;
	ret = maglev_build(anchor->slots, nb_slots, list->at, list->nb);
	if (ret < 0) {
		table_put(anchor);
		assert(ret == -ENOMEM || ret == -EEXIST); /* Every field was checked. */
		return ret == -EEXIST ? CONF_SAME_IDENTITY : CONF_NO_MEMORY;
	}
	record->anchor = anchor;
	return CONF_OK;
}

/* Slots that are compared at a time. */
#define COMPARED 64

/*
 * How many slots each member has. With a table that differs in few slots, whose numbers
 * the copied members carry, only those are counted.
 * @param before NULL: there is none.
 */
static void
slots_count(struct member_set *set, const struct table *slots, const struct table *before)
{
	const uint16_t *new = slots->slots, *old = before != NULL ? before->slots : NULL;

	for (uint32_t i = 0; old == NULL && i < set->nb; i++)
		set->at[i].slots = 0;
	for (uint32_t begin = 0; begin < slots->nb_slots; begin += COMPARED) {
		uint32_t nb = slots->nb_slots - begin;

		nb = nb < COMPARED ? nb : COMPARED;
		if (old != NULL && memcmp(new + begin, old + begin, nb * sizeof(*new)) == 0)
			continue;
		for (uint32_t j = begin; j < begin + nb; j++) {
			if (new[j] != MAGLEV_NO_BACKEND)
				set->at[new[j]].slots++;
			if (old != NULL && old[j] != MAGLEV_NO_BACKEND)
				set->at[old[j]].slots--;
		}
	}
}

/* From the slots of the version in force, whose anchor and weights are the same. */
static void
slots_change(struct table *slots, const struct record *base, const struct table *anchor,
		struct share_list *list)
{
	for (uint32_t i = 0; i < list->nb; i++)
		list->at[i].factor_before = member_factor(&base->members.at[list->at[i].index]);
	memcpy(slots->slots, base->slots->slots, slots->nb_slots * sizeof(slots->slots[0]));
	maglev_resolve_change(slots->slots, anchor->slots, slots->nb_slots, list->at, list->nb);
}

/* @param base NULL: there is none of the same anchor and weights. */
static enum conf_error
slots_build(struct record *record, const struct record *base, struct share_list *list)
{
	struct table *anchor = record->anchor;

	if (list->in_place && list->whole) {
		record->slots = table_get(anchor);
	} else {
		record->slots = table_create(anchor->nb_slots);
		if (record->slots == NULL)
			return CONF_NO_MEMORY;
		if (base != NULL)
			slots_change(record->slots, base, anchor, list);
		else
			maglev_resolve(record->slots->slots, anchor->slots, anchor->nb_slots,
					list->at, list->nb);
	}
	slots_count(&record->members, record->slots, base != NULL ? base->slots : NULL);
	return CONF_OK;
}

static enum conf_error
tables_build(struct record *record, const struct record *base)
{
	enum conf_error error = CONF_OK;
	struct share_list list;
	uint32_t nb_slots;
	bool same;

	if (share_list_init(&list, record) < 0)
		return CONF_NO_MEMORY;
	nb_slots = record->conf.nb_slots;
	if (nb_slots == 0)
		nb_slots = maglev_default_slots(list.at, list.nb);
	same = base != NULL && base->anchor != NULL && base->anchor->nb_slots == nb_slots &&
			same_weights(&base->members, &record->members);
	if (same)
		record->anchor = table_get(base->anchor);
	else if (nb_slots < list.nb)
		error = CONF_SLOTS_TOO_FEW;
	else
		error = anchor_build(record, nb_slots, &list);
	if (error == CONF_OK) {
		/* The copied members then carry the right numbers of slots, too. */
		if (same && same_factors(&base->members, &record->members))
			record->slots = table_get(base->slots);
		else
			error = slots_build(record, same ? base : NULL, &list);
	}
	free(list.at);
	return error;
}

static uint32_t
ticks(uint32_t seconds, uint32_t default_s, uint32_t tick_ms)
{
	uint64_t ms = (seconds != 0 ? seconds : default_s) * UINT64_C(1000);

	return (uint32_t)((ms + tick_ms - 1) / tick_ms);
}

static void
part_fill_member(struct snapshot_member *out, const struct member *m,
		const struct service_conf *conf)
{
	const struct backend_effect effect =
			backend_effect(conf->on_down, m->conf.admin, m->conf.health);

	memset(out, 0, sizeof(*out));
	out->mode = conf->mode;
	out->stats = m->presence == PRESENCE_NONE ? 0 : m->stats;
	if (m->presence != PRESENCE_LIVE)
		out->flags = MEMBER_REMOVED;
	else if (effect.resets_flows && conf->key.protocol == PROTOCOL_TCP)
		out->flags = MEMBER_RESETS_FLOWS;
	if (!m->routed)
		return;
	out->nexthop = m->route.nexthop;
	if (effect.keeps_flows)
		out->flags |= MEMBER_KEEPS_FLOWS;
	if (conf->mode == MODE_IPIP)
		out->encap_len = encap_template_init(
				&out->encap, &m->route.source, &m->conf.addr, conf->key.vip.family);
	out->room = m->route.mtu > out->encap_len ? (uint16_t)(m->route.mtu - out->encap_len) : 0;
}

static enum conf_error
part_build(struct record *record, uint32_t tick_ms)
{
	const struct service_conf *conf = &record->conf;
	const struct member_set *set = &record->members;
	struct snapshot_member *members;
	struct snapshot_service *part;

	part = lines_alloc(sizeof(*part) + set->nb * sizeof(*members));
	if (part == NULL)
		return CONF_NO_MEMORY;
	members = (struct snapshot_member *)(part + 1);
	memset(part, 0, sizeof(*part));
	part->slots = record->live ? record->slots->slots : no_slots;
	part->nb_slots = record->live ? record->slots->nb_slots : ARRAY_LEN(no_slots);
	part->members = members;
	part->nb_members = (uint16_t)set->nb;
	part->id = (uint16_t)record->id;
	part->removed = !record->live;
	part->mode = conf->mode;
	part->key = conf->key;
	part->advertise = conf->advertise;
	part->syn_reselect_ticks = ticks(
			conf->syn_reselect_idle_s, SERVICE_DEFAULT_SYN_RESELECT_IDLE_S, tick_ms);
	for (unsigned int i = 0; i < NB_FLOW_STATES; i++)
		part->lifetime_ticks[i] =
				ticks(conf->lifetime_s[i], service_default_lifetime_s[i], tick_ms);
	part->keeps_flows = 1;
	for (uint32_t i = 0; i < set->nb; i++) {
		part_fill_member(&members[i], &set->at[i], conf);
		if (set->at[i].presence != PRESENCE_NONE &&
				!(members[i].flags & MEMBER_KEEPS_FLOWS))
			part->keeps_flows = 0;
	}
	record->part = part;
	return CONF_OK;
}

enum conf_error
record_build(struct record *record, const struct record *base, uint32_t tick_ms)
{
	struct member_set *set = &record->members;

	record->nb_live = 0;
	record->nb_quarantined = 0;
	for (uint32_t i = 0; i < set->nb; i++) {
		record->nb_live += set->at[i].presence == PRESENCE_LIVE;
		record->nb_quarantined += set->at[i].presence == PRESENCE_QUARANTINED;
		if (set->at[i].presence != PRESENCE_LIVE)
			set->at[i].slots = 0;
	}
	if (record->live) {
		enum conf_error error = tables_build(record, base);

		if (error != CONF_OK)
			return error;
	}
	return part_build(record, tick_ms);
}
