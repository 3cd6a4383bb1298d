/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_CONFIG_CHECK_H
#define DAEMON_CONFIG_CHECK_H

/**
 * @file
 * What only the whole configuration shows: names and VIPs used twice, a backend
 * twice in a service, a backend that is a VIP, too many of anything.
 *
 * Thread safety: pure functions but for malloc().
 */

#include "controlplane/daemon/config.h"
#include "controlplane/daemon/fields.h"

/**
 * Complain about @p config as a whole.
 * @param list The node of `services`, in the same order as config->services.
 * @return 0 (see the reader's complaints), or -ENOMEM.
 */
int config_check(struct reader *r, const struct config *config, const struct node *list);

/** The same for one backend that is to be added to @p service. @p node is its address. */
void config_check_backend(struct reader *r, const struct node *node, const struct config *config,
		const struct config_service *service, const struct config_backend *backend);

#endif
