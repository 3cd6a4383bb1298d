/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SERVICE_SNAPSHOT_H
#define SERVICE_SNAPSHOT_H

/**
 * @file
 * The forwarding snapshot: all that a worker needs to know of services and
 * backends, immutable, behind one pointer.
 *
 * A snapshot is a small root over immutable, reference-counted parts, one part a
 * service: its policy, its resolved Maglev slots and its members (backends). A
 * flow entry names (service id, member index); both numbers stay the same for as
 * long as any worker's flow table may hold them: what was removed remains as a
 * tombstone until state.h's quarantine is over.
 *
 * Thread safety: readers may be any number of threads between two quiescent
 * states (QSBR) after an acquire load of the root pointer. Only the control
 * thread makes and releases snapshots (state.h).
 */

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "hash/maglev.h"
#include "hash/siphash.h"
#include "net/encap.h"
#include "service/service.h"
#include "service/slot_hash.h"

/** Bits of snapshot_member.flags. */
enum snapshot_member_flags {
	MEMBER_KEEPS_FLOWS = 1 << 0,  /**< Its flows stay; else their next packet chooses anew. */
	MEMBER_REMOVED = 1 << 1,      /**< Tombstone: gone from the configuration. */
	MEMBER_RESETS_FLOWS = 1 << 2, /**< A TCP flow that must leave it is told by a RST. */
};

/** One backend of one service, ready to forward to: one cache line. */
struct snapshot_member {
	alignas(CACHE_LINE) uint32_t nexthop; /**< Index into the table of next hops. */
	uint32_t stats;			      /**< Index of its counters, see channel/stats.h. */
	uint16_t room; /**< Largest packet of a client that the way out takes, outer header aside. */
	uint8_t flags;	   /**< enum snapshot_member_flags. */
	uint8_t mode;	   /**< enum service_mode. */
	uint8_t encap_len; /**< Bytes of the outer IP header: 0, 20 or 40. */
	uint8_t reserved[3];
	struct encap_template encap; /**< Outer header, if encap_len is not 0. */
};
_Static_assert(sizeof(struct snapshot_member) == CACHE_LINE, "one line a member");

/** A service: an immutable part of snapshots. */
struct snapshot_service {
	/* Line 0: what a miss needs. */
	alignas(CACHE_LINE) const
			uint16_t *slots; /**< Member index of each slot, or MAGLEV_NO_BACKEND. */
	const struct snapshot_member *members; /**< By member index, tombstones included. */
	uint32_t nb_slots;
	uint16_t nb_members; /**< Entries of members. */
	uint16_t id;
	uint8_t removed; /**< Tombstone: no packet is looked up to it any more. */
	uint8_t mode;
	uint8_t keeps_flows; /**< All members that a flow may name have MEMBER_KEEPS_FLOWS. */
	uint8_t reserved;
	uint32_t syn_reselect_ticks;		 /**< Idle longer: in flow_table.h's ticks. */
	uint32_t lifetime_ticks[NB_FLOW_STATES]; /**< Likewise. */
	/* Line 1: for the control thread and for answers to people. */
	alignas(CACHE_LINE) struct service_key key;
	uint32_t refs;	   /**< Control thread only. */
	uint8_t advertise; /**< enum service_advertise. */
};

/** Look-up entry for an IPv4 service. */
struct snapshot_lookup4 {
	uint64_t key; /**< snapshot_key4(); 0 = empty. */
	uint16_t id;
	uint16_t grows; /**< Packets grow at their front by about so many bytes: a hint. */
	uint8_t reserved[4];
};
_Static_assert(sizeof(struct snapshot_lookup4) == 16, "four a line");

/** Look-up entry for an IPv6 service. */
struct snapshot_lookup6 {
	uint8_t vip[16];
	uint32_t port; /**< snapshot_port6(); 0 = empty. */
	uint16_t id;
	uint16_t grows; /**< As in snapshot_lookup4. */
	uint8_t reserved[8];
};
_Static_assert(sizeof(struct snapshot_lookup6) == 32, "two a line");

/** What a packet of a known flow needs of its service. */
struct snapshot_members {
	const struct snapshot_member *at; /**< By member index; NULL: no such service. */
	uint64_t keep_flows; /**< 1: all of them do, their flags need not be looked at. */
};

/** The root. */
struct snapshot {
	uint64_t generation;
	struct siphash_key hash_key;
	/** Open addressing with linear probing, at most half full; sizes are powers of two. */
	const struct snapshot_lookup4 *lookup4;
	const struct snapshot_lookup6 *lookup6;
	uint32_t lookup4_mask; /**< Entries − 1. */
	uint32_t lookup6_mask;
	uint64_t lookup_seed; /**< Random for each process: placement cannot be aimed at. */
	/** VIPs of any service (for ARP, ND, echo and no-service decisions): sorted, distinct. */
	const struct ip_addr *vips;
	uint32_t nb_vips;
	uint32_t nb_services; /**< Entries of services, tombstones included. */
	const struct snapshot_service *const *services; /**< By service id; NULL where unused. */
	const struct snapshot_members *members;		/**< By service id. */
};

/* One multiplication; both halves of the product, so that every bit of @p x counts. */
static inline uint64_t
lookup_mix(uint64_t x)
{
	unsigned __int128 product = (unsigned __int128)x * UINT64_C(0x9e3779b97f4a7c15);

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/** Key of an IPv4 service: port | protocol | VIP, as they lie in the packet. Never 0. */
static inline uint64_t
snapshot_key4(uint32_t vip_be, uint16_t port_be, uint8_t protocol)
{
	return (uint64_t)port_be << 48 | (uint64_t)protocol << 32 | vip_be;
}

/** What an IPv6 service's key has besides the VIP. Never 0. */
static inline uint32_t
snapshot_port6(uint16_t port_be, uint8_t protocol)
{
	return (uint32_t)port_be << 16 | protocol;
}

static inline uint32_t
lookup_hash4(uint64_t seed, uint64_t key)
{
	return (uint32_t)lookup_mix(key ^ seed);
}

static inline uint32_t
lookup_hash6(uint64_t seed, const uint8_t *vip, uint32_t port)
{
	uint64_t high = load_u64(vip) * UINT64_C(0xd6e8feb86659fd93);

	return (uint32_t)lookup_mix(((high ^ high >> 32) + load_u64(vip + 8)) ^ (seed + port));
}

/** @param key snapshot_key4(). @return the service's entry, or NULL. */
static inline const struct snapshot_lookup4 *
snapshot_find4(const struct snapshot *s, uint64_t key)
{
	for (uint32_t at = lookup_hash4(s->lookup_seed, key);; at++) {
		const struct snapshot_lookup4 *e = &s->lookup4[at & s->lookup4_mask];

		if (likely(e->key == key))
			return e;
		if (e->key == 0)
			return NULL;
	}
}

/** @param vip 16 bytes. @param port snapshot_port6(). @return the service's entry, or NULL. */
static inline const struct snapshot_lookup6 *
snapshot_find6(const struct snapshot *s, const uint8_t *vip, uint32_t port)
{
	for (uint32_t at = lookup_hash6(s->lookup_seed, vip, port);; at++) {
		const struct snapshot_lookup6 *e = &s->lookup6[at & s->lookup6_mask];

		if (likely(e->port == port && load_u64(e->vip) == load_u64(vip) &&
				    load_u64(e->vip + 8) == load_u64(vip + 8)))
			return e;
		if (e->port == 0)
			return NULL;
	}
}

/** Is @p addr the VIP of any service? Binary search: for exceptions, not for the fast path. */
bool snapshot_is_vip(const struct snapshot *s, const struct ip_addr *addr);

/** The member that the table gives to a new flow, or MAGLEV_NO_BACKEND. */
static inline uint16_t
snapshot_choose4(const struct snapshot *s, const struct snapshot_service *service,
		uint32_t client_be, uint32_t vip_be, uint32_t ports_be, uint8_t protocol)
{
	uint64_t hash = slot_hash_v4(&s->hash_key, client_be, vip_be, ports_be, protocol);

	return service->slots[maglev_slot(hash, service->nb_slots)];
}

/** @param client,vip 16 bytes each. */
static inline uint16_t
snapshot_choose6(const struct snapshot *s, const struct snapshot_service *service,
		const uint8_t *client, const uint8_t *vip, uint32_t ports_be, uint8_t protocol)
{
	uint64_t hash = slot_hash_v6(&s->hash_key, client, vip, ports_be, protocol);

	return service->slots[maglev_slot(hash, service->nb_slots)];
}

#endif
