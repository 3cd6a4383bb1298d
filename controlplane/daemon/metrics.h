/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_METRICS_H
#define DAEMON_METRICS_H

/**
 * @file
 * GET /metrics: everything that the daemon knows, for Prometheus. doc/metrics.md lists
 * the families. Labels name services, backends, workers, ports and reasons; never clients.
 *
 * Thread safety: the main thread only.
 */

#include "controlplane/daemon/daemon.h"
#include "controlplane/daemon/metrics_text.h"

/** Once: what is not by service or backend. */
void metrics_of_dataplane(struct daemon *d, struct metrics *m);

/**
 * The families of services and backends, a piece at a time: ten thousand backends are several
 * megabytes of text. Of each what was so when its first sample was written.
 */
struct metrics_services;

struct metrics_services *metrics_services_create(struct daemon *d); /**< @return NULL: no memory. */
void metrics_services_destroy(struct metrics_services *s);	    /**< Legal with NULL. */
/** Write the next few samples. @return false: those were the last; not to be called again. */
bool metrics_services_write(struct metrics_services *s, struct metrics *m);

#endif
