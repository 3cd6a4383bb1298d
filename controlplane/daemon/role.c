/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/role.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const char *const names[] = { [ROLE_NONE] = "none",
	[ROLE_VIEWER] = "viewer",
	[ROLE_OPERATOR] = "operator",
	[ROLE_ADMIN] = "admin" };

const char *
role_name(enum role role)
{
	return names[role];
}

int
role_parse(const char *name, enum role *out)
{
	for (size_t i = ROLE_VIEWER; i < ARRAY_LEN(names); i++) {
		if (strcmp(names[i], name) == 0) {
			*out = (enum role)i;
			return 0;
		}
	}
	return -EINVAL;
}
