/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_ROLE_H
#define DAEMON_ROLE_H

/**
 * @file
 * What somebody may do. Roles are ordered: each may what those before it may.
 *
 * Thread safety: pure functions.
 */

#include "base/compiler.h"

enum role {
	ROLE_NONE = 0, /**< Nothing: the default of whoever is not known. */
	ROLE_VIEWER,   /**< Read everything. */
	ROLE_OPERATOR, /**< Weights, states, drains, confirmations. */
	ROLE_ADMIN,    /**< The configuration, too. */
};

const char *role_name(enum role role); /**< "none", "viewer", "operator", "admin". */

/** @return 0; -EINVAL: not the name of a role that one can be given. */
MUST_CHECK int role_parse(const char *name, enum role *out);

#endif
