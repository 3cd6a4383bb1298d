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

/** @return malloc()ed text; NULL: out of memory. */
char *metrics_make(struct daemon *d);

/* The parts of it. */
void metrics_of_dataplane(struct daemon *d, struct metrics *m);
void metrics_of_services(struct daemon *d, struct metrics *m);

#endif
