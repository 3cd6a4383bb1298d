/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

/**
 * @file
 * The daemon as a whole: what its parts need of each other.
 *
 * Thread safety: everything runs on the main thread.
 */

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "controlplane/daemon/access.h"
#include "controlplane/daemon/audit_head.h"
#include "controlplane/daemon/balancer.h"
#include "controlplane/daemon/config_file.h"
#include "controlplane/daemon/confirm.h"
#include "controlplane/daemon/events.h"
#include "controlplane/daemon/hash_key.h"
#include "controlplane/daemon/health.h"
#include "controlplane/daemon/http.h"
#include "controlplane/daemon/options.h"
#include "controlplane/daemon/rate.h"
#include "controlplane/daemon/reconcile.h"
#include "controlplane/daemon/refusals.h"
#include "controlplane/daemon/store.h"

STAILQ_HEAD(request_list, request);
struct audit_request; /* api_audit.c */
struct planned;	      /* api_plan.c */
LIST_HEAD(planned_list, planned);

struct daemon {
	struct options options;
	struct ev_loop *loop;
	struct store *store;
	char store_path[4096]; /**< Of the store. */
	struct audit_key *audit_key;
	struct audit_head *audit_head;
	struct audit_request *audit_request; /**< Whoever has the trail verified; NULL: nobody. */
	struct refusals *refusals;
	struct hash_key key;
	struct reconcile *reconcile;
	struct health *health;
	struct balancer *balancer;
	struct confirm *confirm;
	struct http *http;
	struct access *access;	  /**< Who may what. */
	char access_trouble[512]; /**< Why access.yaml is not as it says; "": it is. */
	struct tls_server *tls;
	struct http *https[ACCESS_MAX_LISTEN];
	unsigned int nb_https;
	struct rate rate;
	struct events *events;
	unsigned int nb_event_streams;
	struct config_file file;
	struct request_list waiting;	/**< Changes that wait for the one under way. */
	struct planned_list planned;	/**< Requests whose plan is being made. */
	struct planned *planned_change; /**< The change among them; NULL: none. */
	/** No change is under way any more: go on with what waits. Context is the daemon. */
	void (*wake)(void *context);
	int64_t started_ms;  /**< Unix time. */
	uint64_t started_us; /**< Monotonic. */
	bool health_adopted; /**< Of the first dataplane that was met. */
	bool serving;	     /**< The API answers; READY was said. */
	bool stopping;
	bool reload_wanted; /**< SIGHUP came. */
	int exit_code;
};

#endif
