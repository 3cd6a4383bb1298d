/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_CONFIG_READ_H
#define DAEMON_CONFIG_READ_H

/**
 * @file
 * From a document to a configuration, or to complaints: the one place where
 * configurations are checked, whether they come from a file, from the API as YAML or
 * JSON, or backend by backend. doc/guideway.yaml.md describes the keys.
 *
 * Thread safety: pure functions but for malloc().
 */

#include "controlplane/daemon/complaint.h"
#include "controlplane/daemon/config.h"
#include "controlplane/daemon/node.h"

/** What a document is written in. */
enum document_format {
	FORMAT_YAML,
	FORMAT_JSON,
	FORMAT_STORED, /**< JSON of our own store; files that it names may be gone since. */
};

/**
 * Parse and check a whole configuration.
 * @return it, with one reference; NULL: see @p c (empty: out of memory).
 */
struct config *config_parse(
		const char *text, size_t len, enum document_format format, struct complaints *c);

/**
 * Read one entry of `backends`, as a new member of @p service in @p config: on its own,
 * against its service and against all VIPs. (That it is not there yet is for the caller.)
 * @return false: see @p c.
 */
bool config_read_backend(const struct node *node, const struct config *config,
		const struct config_service *service, struct complaints *c,
		struct config_backend *out);

/** The weight of a backend, for PATCH. */
struct reader;
bool config_read_weight(struct reader *r, const struct node *node, uint32_t *out);
bool config_read_admin(struct reader *r, const struct node *node, uint8_t *out);

#endif
