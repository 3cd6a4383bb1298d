/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_CHECK_DOCUMENT_H
#define DAEMON_CHECK_DOCUMENT_H

/**
 * @file
 * One check as the document has it, below health.checks of a service.
 * doc/guideway.yaml.md describes the keys.
 *
 * Thread safety: the main thread only.
 */

#include <jansson.h>

#include "controlplane/daemon/fields.h"
#include "controlplane/health/check.h"

/**
 * Read the map of one check; complains by itself.
 * @param out Filled in any case; a reference to its exchange is the caller's.
 */
void check_read(struct reader *r, const struct node *node, struct check *out);

/**
 * The name in a Host header, without its port: what a certificate must be for unless
 * server-name says otherwise. @return empty: it is an address.
 */
struct check_text check_host_name(const struct check_text *host);

/** As the document has it; what is as by default is left out. */
json_t *check_to_json(const struct check *c);

#endif
