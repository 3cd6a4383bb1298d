/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_CONFIG_WRITE_H
#define DAEMON_CONFIG_WRITE_H

/**
 * @file
 * A configuration as a document again, JSON or YAML: what config_parse() reads back to
 * the same configuration. Defaults that were not written are not written.
 *
 * Thread safety: pure functions but for malloc().
 */

#include <jansson.h>

#include "controlplane/daemon/config.h"

/** One entry of `services`. @return a new reference; NULL: out of memory. */
json_t *config_service_to_json(const struct config_service *service);

/** {"services": […]}. @return a new reference; NULL: out of memory. */
json_t *config_to_json(const struct config *config);

/** The same as compact text. @return malloc()ed; NULL: out of memory. */
char *config_to_json_text(const struct config *config);

/** @return malloc()ed; NULL: out of memory. */
char *config_to_yaml(const struct config *config);

/** The key of a state's lifetime in documents: "half-open", … */
const char *flow_state_key(unsigned int state);

#endif
