/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_HEALTH_PRIVATE_H
#define DAEMON_HEALTH_PRIVATE_H

/**
 * @file
 * What health.c and its views (health_view.c) share.
 *
 * Thread safety: the main thread only.
 */

#include "controlplane/daemon/health.h"

struct health_record;

/** What the dataplane has had against a backend. */
struct suspicion_state {
	uint64_t nb;	  /**< Since the start; 0: the rest is empty. */
	const char *kind; /**< Of the last one; constant text. */
	uint64_t at_ms;	  /**< Monotonic. */
	int64_t wall_ms;
};

/** A service whose backends are checked. */
struct watched {
	struct service_key key;
	const struct config_health *conf; /**< Of watch.config. */
	struct guard guard;
	uint32_t nb;
	struct ip_addr *addrs;		    /**< Of its backends, sorted. */
	struct guard_member *members;	    /**< In the same order. */
	struct suspicion_state *suspicions; /**< In the same order. */
	uint32_t *checks; /**< Indexes into watch.set: conf.nb_checks of each backend. */
	bool dirty;	  /**< A verdict or the configuration has changed. */
};

/** What is checked, for one configuration. */
struct watch {
	struct config *config;
	struct overrides *overrides;
	struct check_set *set;
	uint32_t nb_services;
	uint32_t nb_uses;	  /**< Sum of all backends' checks. */
	struct watched *services; /**< By service_key_compare(). */
	uint32_t *first_user;	  /**< Of each check in users; one more ends the last. */
	uint32_t *users;	  /**< Indexes into services. */
};

struct health {
	struct ev_loop *loop;
	struct checker *checker;
	struct health_record *record;
	struct watch watch;
	ev_timer again;	   /**< A guard wants to judge by the clock. */
	bool renewed;	   /**< The watch is new: changed() is due. */
	uint64_t since_us; /**< The first verdict that was not judged yet; 0: none. */
	void (*changed)(void *context, uint64_t since_us);
	void *context;
};

void watch_free(struct watch *w);
/** @return NULL: none. */
struct watched *watch_find(const struct watch *w, const struct service_key *key);
/** @return the backend's index; -1: none. */
int watched_find(const struct watched *s, const struct ip_addr *addr);
/** What forwarding is told of a backend. */
uint8_t watched_effective(const struct watched *s, uint32_t member);
/** @return what it was suspected of a moment ago; NULL: of nothing. */
const char *watched_suspected_lately(const struct watched *s, uint32_t member);

#endif
