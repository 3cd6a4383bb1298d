/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_HEALTH_PRIVATE_H
#define DAEMON_HEALTH_PRIVATE_H

/**
 * @file
 * What the files of health share:
 *
 *     health.c          from verdicts to what forwarding is told
 *     health_watch.c    which checks serve which backends, for one configuration
 *     health_share.c    slow start, and the word of agents
 *     health_adopt.c    what an earlier daemon has left in the dataplane
 *     health_suspect.c  suspicions of the dataplane
 *     health_view.c     for people
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

/** How large a part of its weight a backend has. */
struct share {
	bool rests; /**< It takes no new flows, or is new to a service that is there: slow start
		     *   begins when it does. */
	uint8_t percent;   /**< By its agents' word. */
	uint64_t begin_ms; /**< Of its slow start; 0: none. */
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
	uint8_t *told;		/**< In the same order: enum backend_health, for forwarding. */
	uint32_t *told_factors; /**< In the same order, likewise. */
	uint32_t *raw_factors;	/**< In the same order; of shares_update(). */
	uint8_t told_advertise; /**< enum service_advertise: how well it is. */
	struct share *shares;	/**< In the same order; NULL: all of them have everything. */
	uint64_t grow_ms;	/**< Next step of a slow start; 0: nobody grows. */
	bool *dirty;		/**< In the same order: a check has come to another verdict. */
	uint32_t *checks;	/**< Indexes into watch.set: conf.nb_checks of each backend. */
	bool queued;		/**< In watch.queue. */
	bool touched;		/**< In watch.touched. */
	ev_timer again;		/**< Its guard wants to judge by the clock. */
	struct health *health;
};

/** A backend that a check serves. */
struct watch_user {
	uint32_t service; /**< Index into watch.services. */
	uint32_t member;
};

/** What is checked, for one configuration. */
struct watch {
	struct config *config;
	struct overrides *overrides;
	struct check_set *set;
	uint8_t *verdicts; /**< Of each check in set, as the checker has told: enum backend_health. */
	uint8_t *percents; /**< Of each check in set, likewise: its agent's word. */
	uint32_t nb_services;
	uint32_t nb_uses;	  /**< Sum of all backends' checks. */
	struct watched *services; /**< By service_key_compare(). */
	uint32_t *first_user;	  /**< Of each check in users; one more ends the last. */
	struct watch_user *users;
	uint32_t *queue; /**< Indexes of services to be judged. */
	uint32_t nb_queue;
	uint32_t *touched; /**< Of those in which told has changed since health_judge_changes(). */
	uint32_t nb_touched;
};

struct health {
	struct ev_loop *loop;
	struct checker *checker;
	struct health_record *record;
	struct events *events;
	struct watch watch;
	ev_timer judge;	   /**< Never started, but fed: something is queued. */
	uint64_t since_us; /**< The first verdict that was not judged yet; 0: none. */
	bool is_news;	   /**< What is told is news, not only a share that grew. */
	void (*changed)(void *context, uint64_t since_us);
	void *context;
};

/**
 * @param before What is known of backends that stay is taken from there.
 * @return false: out of memory, @p w holds nothing. It is not started: see health_use().
 */
bool watch_make(struct watch *w, struct config *config, struct overrides *overrides,
		const struct watch *before);
void watch_free(struct watch *w);
/** @return NULL: none. */
struct watched *watch_find(const struct watch *w, const struct service_key *key);
/** @return the backend's index; -1: none. */
int watched_find(const struct watched *s, const struct ip_addr *addr);
/* Of services with shares. */

/** Does the configuration ask for slow start, or agents? */
bool watched_has_shares(const struct config_health *conf);
/** @param before The service as it was; NULL: it was not checked. @param at The backend there; -1: new. */
void share_init(struct watched *s, uint32_t member, const struct watched *before, int at);
/** Go on where an earlier daemon was that has told this factor. */
void share_adopt(struct watched *s, uint32_t member, uint32_t factor, uint64_t now_ms);
/** What the agents of a backend say now. @return true: they drain it, and did not, or no longer. */
bool share_observe(const struct watch *w, struct watched *s, uint32_t member);
/** Set told_factors and grow_ms. @return true: some factor is new. */
bool shares_update(struct watched *s, uint64_t now_ms);
/** Of a backend that takes flows for the first time, or again. */
uint32_t share_first(const struct config_health *conf);

/** Judge what is queued, and say if forwarding is to be told. */
void health_judge_queue(struct health *h);
/** Does it take new flows, unless its service fails open? */
bool watched_takes_flows(const struct watched *s, uint32_t member);
/** What forwarding is told of a backend. */
uint8_t watched_effective(const struct watched *s, uint32_t member);
/** @return what it was suspected of a moment ago; NULL: of nothing. */
const char *watched_suspected_lately(const struct watched *s, uint32_t member);

#endif
