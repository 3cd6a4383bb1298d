/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef HEALTH_PROBE_PRIVATE_H
#define HEALTH_PROBE_PRIVATE_H

/**
 * @file
 * What the kinds of probes share with each other and with probe.c. Of a kind, start()
 * begins an attempt of probe.check, and stop() ends it and says how far it came.
 */

#include <curl/curl.h>

#include "controlplane/health/probe.h"

struct probe_env {
	struct ev_loop *loop;
	CURLM *multi;
	ev_timer timer; /**< libcurl's. */
};

/** Stop, and tell. */
void probe_finish(struct probe *probe, enum probe_result result, const char *why);
/** The same after an errno: what it says, and about whom. */
void probe_finish_error(struct probe *probe, int error);

void probe_tcp_start(struct probe *probe);
const char *probe_tcp_stop(struct probe *probe);
void probe_tcp_on_io(struct ev_loop *loop, ev_io *w, int events);

/** Make env.multi ready. @return 0 or -ENOMEM. */
int probe_http_init(struct probe_env *env);
void probe_http_fini(struct probe_env *env);
void probe_http_start(struct probe *probe);
const char *probe_http_stop(struct probe *probe);
/** Give back probe.request. */
void probe_http_release(struct probe *probe);

#endif
