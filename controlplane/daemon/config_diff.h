/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_CONFIG_DIFF_H
#define DAEMON_CONFIG_DIFF_H

/**
 * @file
 * Two configurations compared as documents: what a person who reads both would see. (diff.h
 * compares what the dataplane is to have instead, which knows neither names nor checks.)
 *
 * Thread safety: pure functions but for malloc().
 */

#include <jansson.h>

#include "controlplane/daemon/config.h"

typedef void (*config_diff_note)(void *context, const struct ip_addr *backend, json_t *entry);

/**
 * One service: {"service", "name", "change": "added"|"changed"|"removed", "fields": [{"field",
 * "before", "after"}, …], "backends": [{"backend", "change", "before", "after"}, …]}. A
 * field is a key of guideway.yaml, "lifetimes.open" where they nest; null where it is not given.
 * Backends' before and after are {"weight", "state"}, or null. All fields and backends of one
 * that comes or goes are listed.
 *
 * @param before, after NULL: it comes, it goes; not both.
 * @param note          Told of each backend that is listed, by address; may add to its object.
 *                      NULL: nobody is.
 * @return a new reference; NULL: out of memory.
 */
json_t *config_service_diff(const struct config_service *before, const struct config_service *after,
		config_diff_note note, void *context);

/** All services that differ, by address. @return a new array; NULL: out of memory. */
json_t *config_diff(const struct config *before, const struct config *after);

/** {"weight", "state"} of a backend. */
json_t *config_backend_view(uint32_t weight, uint8_t admin);

#endif
