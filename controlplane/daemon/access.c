/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/access.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct access *
access_default(gid_t group)
{
	struct access *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->rate_per_s = ACCESS_DEFAULT_RATE;
	if (group != (gid_t)-1)
		a->users[a->nb_users++] = (struct access_user){
			.is_group = true, .id = group, .role = ROLE_ADMIN
		};
	return a;
}

void
access_free(struct access *a)
{
	if (a == NULL)
		return;
	free(a->certificate);
	free(a->key);
	free(a->client_ca);
	free(a->client_crl);
	free(a);
}

static bool
user_matches(const struct access_user *rule, uid_t uid, const gid_t *groups, size_t nb_groups)
{
	if (!rule->is_group)
		return rule->id == uid;
	for (size_t i = 0; i < nb_groups; i++) {
		if (groups[i] == rule->id)
			return true;
	}
	return false;
}

enum role
access_user_role(const struct access *a, uid_t uid, const gid_t *groups, size_t nb_groups)
{
	if (uid == 0 || uid == geteuid())
		return ROLE_ADMIN;
	for (uint32_t i = 0; i < a->nb_users; i++) {
		if (user_matches(&a->users[i], uid, groups, nb_groups))
			return a->users[i].role;
	}
	return ROLE_NONE;
}

enum role
access_client_role(const struct access *a, const char *subject, const char *common_name)
{
	for (uint32_t i = 0; i < a->nb_clients; i++) {
		const struct access_client *rule = &a->clients[i];

		if (strcmp(rule->name, rule->is_common_name ? common_name : subject) == 0)
			return rule->role;
	}
	return ROLE_NONE;
}
