/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef HEALTH_CHECK_H
#define HEALTH_CHECK_H

/**
 * @file
 * What a health check is: whom to ask, how, and how often.
 *
 * Two checks that are equal in everything are done once, whoever wants them: a set
 * (check_set) is sorted and holds each of them once.
 *
 * Thread safety: checks and sets are immutable once made. The count of a set's
 * references is atomic: the main thread makes sets, the checker's thread reads them.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#include "controlplane/health/exchange.h"

enum check_type {
	CHECK_TCP = 1,	 /**< Connect; then, if there is something to say or hear, do so. */
	CHECK_HTTP = 2,	 /**< HTTP/1.1: a request, and what its answer must be. */
	CHECK_TLS = 3,	 /**< Connect, and shake hands. */
	CHECK_HTTPS = 4, /**< CHECK_HTTP over TLS. */
	CHECK_UDP = 5,	 /**< Send a datagram; good unless refused, or by what comes back. */
	CHECK_AGENT = 6, /**< Ask an agent what it thinks of its backend (agent.h). */
	CHECK_ICMP = 7,	 /**< Echo, by guideway-pinger. */
	NB_CHECK_TYPES
};

/* Limits and defaults, in milliseconds or attempts. */
#define CHECK_MIN_INTERVAL_MS 10
#define CHECK_MAX_INTERVAL_MS 3600000
#define CHECK_DEFAULT_INTERVAL_MS 1000
#define CHECK_DEFAULT_TIMEOUT_MS 500
#define CHECK_MAX_STREAK 100
#define CHECK_DEFAULT_RISE 2
#define CHECK_DEFAULT_FALL 3
#define CHECK_DEFAULT_JITTER 10 /**< Percent of an interval. */

/** No padding that is not zero: checks are compared as bytes. Make them with check_init(). */
struct check {
	struct ip_addr addr;   /**< Whom to ask. */
	struct ip_addr source; /**< From which address; IP_NONE: as the kernel chooses. */
	uint32_t interval_ms;
	uint32_t fast_interval_ms; /**< While in doubt. */
	uint32_t timeout_ms;
	uint16_t l4_port;
	uint16_t rise;
	uint16_t fall;
	uint8_t type; /**< enum check_type. */
	uint8_t jitter_percent;
	uint8_t reserved[4]; /**< Zero. */
	/** What is said and heard: shared, compared by content. Whoever keeps the check owns
	 *  a reference. */
	struct exchange *exchange;
};
_Static_assert(offsetof(struct check, exchange) + sizeof(struct exchange *) == 72,
		"no padding, and small: there may be tens of thousands");

/** Defaults of @p type, without an address; the exchange is exchange_default(). */
void check_init(struct check *check, enum check_type type);
/** Total order; 0: one and the same. */
int check_compare(const struct check *a, const struct check *b);

const char *check_type_name(uint8_t type); /**< "tcp"; else "?". */
/** @return 0; -EINVAL. */
int check_type_parse(const char *text, uint8_t *type);

struct check_set {
	atomic_uint refs;
	uint32_t nb;
	struct check list[]; /**< Sorted, by address first; distinct. */
};

/**
 * Sort @p list and leave out what is there twice. The set takes references to the
 * exchanges of what it keeps.
 * @return one reference; NULL: out of memory.
 */
struct check_set *check_set_make(const struct check *list, uint32_t nb);
struct check_set *check_set_ref(struct check_set *set);
void check_set_unref(struct check_set *set); /**< Legal with NULL. */
/** @return the index of @p check, which must be in the set. */
uint32_t check_set_find(const struct check_set *set, const struct check *check);
/**
 * The checks that ask @p addr: they are neighbours in the list.
 * @param nb Out: how many.
 * @return the index of the first.
 */
uint32_t check_set_of_addr(const struct check_set *set, const struct ip_addr *addr, uint32_t *nb);

#endif
