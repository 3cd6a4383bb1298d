/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK's rte_hash as its users take it: a CRC hash, bulk look-up, numbers in the data
 * pointers. Lock-free, it gives a removed key's place back only when told to: at once, as
 * nobody else reads.
 */
#include <rte_common.h>
#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

#include "base/bytes.h"
#include "contender.h"
#include "flow/flow_table.h"

/** Of librte_hash, for estimates: nothing else depends on it. */
#define BUCKET_ENTRIES 8
#define BUCKET_SIZE 64
#define ENTRY_ALIGN 16

struct rte_table {
	struct rte_hash *hash;
	uint64_t nb_slots;
	bool lock_free;
};

static uint32_t
key_len(const struct contender_conf *conf)
{
	if (conf->family == IP_V4)
		return conf->keys == KEYS_PADDED ? 16 : 8;
	return conf->keys == KEYS_PADDED ? 32 : 20;
}

/* 0: equal. What a key of 8 or 20 bytes costs least by. */
static int
differ4(const void *a, const void *b, size_t length)
{
	(void)length;
	return load_u64(a) != load_u64(b);
}

static int
differ6(const void *a, const void *b, size_t length)
{
	const uint8_t *x = a, *y = b;

	(void)length;
	return ((load_u64(x) ^ load_u64(y)) | (load_u64(x + 8) ^ load_u64(y + 8)) |
			       (load_u32(x + 16) ^ load_u32(y + 16))) != 0;
}

static uint64_t
nb_slots(uint64_t capacity)
{
	return rte_align64pow2(RTE_MAX(capacity, (uint64_t)BUCKET_ENTRIES));
}

static uint64_t
memory(const struct contender_conf *conf)
{
	uint64_t buckets = nb_slots(conf->capacity) / BUCKET_ENTRIES * BUCKET_SIZE;
	uint64_t entries = conf->capacity *
			RTE_ALIGN(sizeof(void *) + key_len(conf), (uint64_t)ENTRY_ALIGN);
	uint64_t free_entries = 4 * rte_align64pow2(conf->capacity + 2);

	return buckets + entries + free_entries;
}

static void *
create(const struct contender_conf *conf)
{
	const struct rte_hash_parameters parameters = {
		.name = "contender",
		.entries = (uint32_t)conf->capacity,
		.key_len = key_len(conf),
		.hash_func = rte_hash_crc,
		.hash_func_init_val = (uint32_t)conf->seed,
		.socket_id = SOCKET_ID_ANY,
		.extra_flag = conf->lock_free ? RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF : 0,
	};
	struct rte_table *table = rte_zmalloc("contender", sizeof(*table), 0);

	if (table == NULL)
		return NULL;
	table->lock_free = conf->lock_free;
	table->nb_slots = nb_slots(conf->capacity);
	table->hash = rte_hash_create(&parameters);
	if (table->hash == NULL) {
		rte_free(table);
		return NULL;
	}
	if (conf->keys == KEYS_COMPARED)
		rte_hash_set_cmp_func(table->hash, conf->family == IP_V4 ? differ4 : differ6);
	return table;
}

static void
destroy(void *handle)
{
	struct rte_table *table = handle;

	if (table == NULL)
		return;
	rte_hash_free(table->hash);
	rte_free(table);
}

static uint64_t
slots(const void *handle)
{
	return ((const struct rte_table *)handle)->nb_slots;
}

static uint64_t
find(void *handle, const void **keys, uint32_t nb, void *data[])
{
	const struct rte_table *table = handle;
	uint64_t found = 0;

	rte_hash_lookup_bulk_data(table->hash, keys, nb, &found, data);
	return found;
}

static uint64_t
enter(void *handle, const void **keys, uint32_t nb, void *data[])
{
	const struct rte_table *table = handle;
	hash_sig_t hashes[CONTENDER_BURST_MAX];
	void *known[CONTENDER_BURST_MAX];
	uint64_t found = 0, entered = 0;

	for (uint32_t i = 0; i < nb; i++)
		hashes[i] = rte_hash_hash(table->hash, keys[i]);
	rte_hash_lookup_with_hash_bulk_data(table->hash, keys, hashes, nb, &found, known);
	for (uint32_t i = 0; i < nb; i++) {
		if (found >> i & 1)
			continue;
		if (rte_hash_add_key_with_hash_data(table->hash, keys[i], hashes[i], data[i]) == 0)
			entered |= UINT64_C(1) << i;
	}
	return entered;
}

static uint32_t
remove_by_key(void *handle, const void **keys, uint32_t nb)
{
	const struct rte_table *table = handle;
	uint32_t removed = 0;

	for (uint32_t i = 0; i < nb; i++) {
		int32_t position = rte_hash_del_key(table->hash, keys[i]);

		if (position < 0)
			continue;
		if (table->lock_free)
			rte_hash_free_key_with_position(table->hash, position);
		removed++;
	}
	return removed;
}

static uint32_t
sweep(void *handle, uint64_t random, uint32_t nb)
{
	const struct rte_table *table = handle;
	uint32_t next = (uint32_t)(random % table->nb_slots), kept = 0;
	const void *key;
	void *data;

	for (uint32_t i = 0; i < nb; i++) {
		if (rte_hash_iterate(table->hash, &key, &data, &next) < 0)
			break;
		kept += (uintptr_t)data != UINT32_MAX;
	}
	return kept;
}

const struct contender contender_rte_hash = {
	.name = "rte_hash",
	.memory = memory,
	.create = create,
	.destroy = destroy,
	.slots = slots,
	.find = find,
	.enter = enter,
	.remove = remove_by_key,
	.sweep = sweep,
};
