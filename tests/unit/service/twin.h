/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_UNIT_SERVICE_TWIN_H
#define TESTS_UNIT_SERVICE_TWIN_H

/**
 * @file
 * A deliberately naive twin of lib/service's state: flat arrays over a small
 * universe of services and backends, and a world of routes that counts references.
 * Every step is done to both; twin_check() compares all that a snapshot says.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "service/state.h"

#define NB_KEYS 12
#define NB_ADDRS 12
#define MAX_SERVICES 9
#define MAX_MEMBERS 48
#define TICK_MS 250
#define NONE UINT32_MAX

/** What is wanted of one service. */
struct twin_service {
	bool exists;
	struct service_conf conf;
	struct {
		bool exists;
		struct backend_conf conf;
	} backends[NB_ADDRS];
};

/** Numbers and routes that a service and its backends have. */
struct twin_numbers {
	uint32_t id;	/* NONE: never had one, or it is free again. */
	uint64_t batch; /* 0: live. */
	const struct snapshot_service *part;
	bool touched; /* The part may differ from the one of the step before. */
	struct {
		uint32_t index; /* NONE as above. */
		uint32_t stats;
		uint64_t batch;
		bool routed;
		struct backend_route route;
	} backends[NB_ADDRS];
};

/** An entry of the directory that the hooks keep. */
struct twin_entry {
	bool used;
	uint16_t service_id;
	uint16_t member;
	struct backend_conf conf;
	bool routed;
	uint32_t slots;
};

struct twin {
	struct state *state;
	struct service_key keys[NB_KEYS];
	struct ip_addr addrs[NB_ADDRS];
	uint32_t lcg; /* Random numbers. */

	/* The world of routes. */
	bool route_there[NB_ADDRS][2]; /* By on_link. */
	struct backend_route routes[NB_ADDRS][2];
	int route_refs[NB_ADDRS * 2 * 8]; /* By next hop. */

	struct twin_service wanted[NB_KEYS];
	struct twin_numbers numbers[NB_KEYS];
	bool has_hash_key;
	struct siphash_key hash_key;
	uint64_t generation;
	uint64_t open_batch;

	/* The directory. */
	struct twin_entry members[MAX_MEMBERS];
	bool services[MAX_SERVICES];

	/* The transaction under way. */
	struct txn *txn;
	struct twin_service draft[NB_KEYS];
	bool draft_has_key;
	struct siphash_key draft_key;
};

void twin_init(struct twin *t, uint32_t seed);
/** @return false: out of memory. */
bool twin_create(struct twin *t);
/** Destroys the state and checks that every route was given back. */
void twin_fini(struct twin *t);

uint32_t twin_random(struct twin *t, uint32_t below);

/** @return false: out of memory. */
bool twin_begin(struct twin *t, bool replace_all);
/* Each does the step to both and checks the answer, which is returned. */
enum conf_error twin_service_set(struct twin *t, const struct service_conf *conf);
enum conf_error twin_service_remove(struct twin *t, uint32_t key);
enum conf_error twin_backend_set(struct twin *t, uint32_t key, const struct backend_conf *conf);
enum conf_error twin_backend_remove(struct twin *t, uint32_t key, uint32_t addr);
void twin_hash_key_set(struct twin *t);
enum conf_error twin_prepare(struct twin *t);
void twin_finish(struct twin *t);
void twin_abort(struct twin *t);

void twin_quarantine_begin(struct twin *t);
enum conf_error twin_quarantine_end(struct twin *t, uint64_t batch);
/** Other routes in the world; nobody is told yet. */
void twin_routes_change(struct twin *t);
enum conf_error twin_reroute(struct twin *t);

struct service_conf twin_random_service(struct twin *t, uint32_t key);
struct backend_conf twin_random_backend(struct twin *t, uint32_t addr);
/** A random change within the transaction. @return the error. */
enum conf_error twin_random_change(struct twin *t);
/** Mention (most of) what is wanted now, as it is. */
enum conf_error twin_mention(struct twin *t, uint32_t percent);

/** Compare everything. */
void twin_check(struct twin *t);

#endif
