/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The balancer as a whole: looking at its state, and setting it.
 */
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"

#include "controlplane/clock.h"
#include "controlplane/daemon/api_handlers.h"
#include "controlplane/daemon/config_read.h"
#include "controlplane/daemon/daemon.h"
#include "controlplane/daemon/fields.h"

void
api_balancer(struct request *r)
{
	request_reply(r, 200, balancer_view(r->daemon->balancer));
}

static void
read_state(struct reader *r, const struct node *node, void *out)
{
	config_read_admin(r, node, out);
}

/** Whoever drains a balancer relies on it: without routes of ours nobody would hear of it. */
static bool
can_be_heard(struct request *r, uint8_t admin)
{
	if (admin == ADMIN_ENABLED || balancer_has_routes(r->daemon->balancer) ||
			!reconcile_link(r->daemon->reconcile).connected)
		return true;
	request_fail(r, 409,
			&(struct api_error){ .code = "no_routes",
					.hint = "`advertise` in dataplane.yaml; see doc/pair.md" },
			"this dataplane advertises no VIPs, so that no router would hear of it; nothing was changed");
	return false;
}

void
api_balancer_patch(struct request *r)
{
	const struct balancer_state *now = &reconcile_state(r->daemon->reconcile)->balancer;
	static const struct field fields[] = { { "state", true, read_state } };
	struct change_request change = api_change_request(r, "balancer.set");
	uint8_t admin = 0;

	if (!api_read_body(r, fields, ARRAY_LEN(fields), NULL, &admin) || !can_be_heard(r, admin))
		return;
	snprintf(change.target, sizeof(change.target), "balancer");
	change.before = json_pack("{s:s}", "state", backend_admin_name(now->admin));
	change.after = json_pack("{s:s}", "state", backend_admin_name(admin));
	change.has_balancer = true;
	change.balancer = (struct balancer_state){ .admin = admin, .since_ms = clock_wall_ms() };
	api_name_actor(r, change.balancer.by, sizeof(change.balancer.by));
	api_change(r, &change);
}
