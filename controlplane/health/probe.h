/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef HEALTH_PROBE_H
#define HEALTH_PROBE_H

/**
 * @file
 * One attempt of a check, from its first packet to its result.
 *
 * A probe never blocks and holds one socket at most (CHECK_HTTP and CHECK_HTTPS with
 * keep-alive: also between attempts). Time is not its business: whoever started it stops it
 * when the time is up.
 *
 * Thread safety: a probe belongs to the thread that runs its loop.
 */

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "controlplane/health/agent.h"
#include "controlplane/health/check.h"
#include "controlplane/health/ping_client.h"
#include "controlplane/health/tls.h"

enum probe_result {
	PROBE_GOOD,
	PROBE_BAD,     /**< The backend did not do what it should, or nothing at all. */
	PROBE_REFUSED, /**< Somebody said no: a reset, or that the host is unreachable. */
	PROBE_SILENT, /**< Of CHECK_AGENT: no agent answers, which says nothing about the backend. */
	PROBE_TROUBLE, /**< It is us: no descriptors, no memory, no route. Says nothing about it. */
};

/** @return "good", "bad", "refused", "silent", "trouble". */
const char *probe_result_name(enum probe_result result);

struct probe;

/** Called from the loop, or from within probe_start(). @param why Constant text; "" if good. */
typedef void (*probe_done)(struct probe *probe, enum probe_result result, const char *why);

/** What the probes of one loop share. */
struct probe_env;

/** @param pinger Path of guideway-pinger's socket. @return NULL: out of memory. */
struct probe_env *probe_env_create(struct ev_loop *loop, const char *pinger);
/** Every probe of it was stopped. Legal with NULL. */
void probe_env_destroy(struct probe_env *env);

struct probe {
	struct probe_env *env;
	const struct check *check;
	probe_done done;
	void *context;
	ev_io io;
	bool connected;	  /**< CHECK_ICMP: the request is out. */
	bool shaken;	  /**< By TLS: the handshake is done. */
	bool shaking;	  /**< By TLS: the handshake is under way. */
	uint16_t nb_sent; /**< Bytes of TEXT_SEND that are out. */
	char *answer;	  /**< What came, if anything is expected. */
	uint32_t answer_len;
	struct http_exchange *http; /**< CHECK_HTTP(S): kept from attempt to attempt. */
	struct ssl_st *tls;	    /**< Under way; CHECK_HTTPS: and what follows the handshake. */
	struct tls_peer peer;	    /**< Of the last handshake. */
	struct ping_wait ping;	    /**< CHECK_ICMP. */
	struct agent_report agent;  /**< CHECK_AGENT: of the last good attempt. */
};

/** Most of an answer that is looked at, in bytes. */
#define PROBE_ANSWER_MAX 4096

/** Once, before the first start. */
void probe_init(struct probe *probe, struct probe_env *env, probe_done done, void *context);
/** Give back what is kept from attempt to attempt; it was stopped. */
void probe_fini(struct probe *probe);
/** Begin; the last attempt has ended. */
void probe_start(struct probe *probe, const struct check *check);
/** End without a result; legal at any time. @return how far it came, as text for people. */
const char *probe_stop(struct probe *probe);
/**
 * The time is up: end.
 * @param why Out: how far it came, as text for people; "" if good.
 * @return PROBE_BAD; PROBE_GOOD: silence is what this check waits for; PROBE_TROUBLE: it is ours.
 */
enum probe_result probe_expire(struct probe *probe, const char **why);

#endif
