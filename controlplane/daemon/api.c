/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/api.h"

#include <stdio.h>
#include <string.h>

#include "controlplane/clock.h"
#include "controlplane/daemon/api_handlers.h"
#include "controlplane/daemon/api_plan.h"
#include "controlplane/daemon/daemon.h"

#define CHANGE_PARAMS "dry_run expect_revision"

struct route {
	const char *method;
	const char *path; /* "{}" stands for any one segment. */
	enum role role;	  /* The least that may. */
	bool changes;
	const char *params; /* Known query parameters, between spaces. */
	void (*handle)(struct request *r);
};

static const struct route routes[] = {
	{ "GET", "v1/status", ROLE_VIEWER, false, "", api_status },
	{ "GET", "v1/services", ROLE_VIEWER, false, "", api_services },
	{ "GET", "v1/services/{}", ROLE_VIEWER, false, "", api_service },
	{ "POST", "v1/services", ROLE_ADMIN, true, CHANGE_PARAMS " force", api_service_add },
	{ "PATCH", "v1/services/{}", ROLE_ADMIN, true, CHANGE_PARAMS " force", api_service_patch },
	{ "DELETE", "v1/services/{}", ROLE_ADMIN, true, CHANGE_PARAMS " force",
			api_service_remove },
	{ "POST", "v1/services/{}/backends", ROLE_ADMIN, true, CHANGE_PARAMS, api_backend_add },
	{ "GET", "v1/services/{}/backends/{}", ROLE_VIEWER, false, "", api_backend },
	{ "PATCH", "v1/services/{}/backends/{}", ROLE_OPERATOR, true, CHANGE_PARAMS,
			api_backend_patch },
	{ "DELETE", "v1/services/{}/backends/{}", ROLE_ADMIN, true, CHANGE_PARAMS,
			api_backend_remove },
	{ "GET", "v1/backends", ROLE_VIEWER, false, "service", api_backends },
	{ "GET", "v1/backends/{}", ROLE_VIEWER, false, "", api_backend_everywhere },
	{ "PATCH", "v1/backends/{}", ROLE_OPERATOR, true, CHANGE_PARAMS,
			api_backend_patch_everywhere },
	{ "DELETE", "v1/backends/{}", ROLE_ADMIN, true, CHANGE_PARAMS,
			api_backend_remove_everywhere },
	{ "GET", "v1/config", ROLE_VIEWER, false, "effective", api_config_get },
	{ "PUT", "v1/config", ROLE_ADMIN, true,
			CHANGE_PARAMS " reset_overrides allow_empty name force confirm_s",
			api_config_put },
	{ "POST", "v1/plan", ROLE_VIEWER, false, "reset_overrides name revision", api_plan },
	{ "GET", "v1/confirm", ROLE_VIEWER, false, "", api_confirm_get },
	{ "POST", "v1/confirm", ROLE_OPERATOR, true, CHANGE_PARAMS, api_confirm },
	{ "POST", "v1/rollback", ROLE_ADMIN, true, CHANGE_PARAMS " revision force confirm_s",
			api_rollback },
	{ "GET", "v1/diff", ROLE_VIEWER, false, "from to", api_diff },
	{ "GET", "v1/overrides", ROLE_VIEWER, false, "", api_overrides },
	{ "DELETE", "v1/overrides", ROLE_OPERATOR, true, CHANGE_PARAMS " service backend",
			api_overrides_reset },
	{ "GET", "v1/balancer", ROLE_VIEWER, false, "", api_balancer },
	{ "PATCH", "v1/balancer", ROLE_OPERATOR, true, CHANGE_PARAMS, api_balancer_patch },
	{ "GET", "metrics", ROLE_VIEWER, false, "", api_metrics },
	{ "GET", "v1/stats", ROLE_VIEWER, false, "services", api_stats },
	{ "GET", "v1/events", ROLE_VIEWER, false, "since limit", api_events },
	{ "GET", "v1/audit", ROLE_VIEWER, false, "limit before", api_audit },
	{ "GET", "v1/audit/head", ROLE_VIEWER, false, "", api_audit_head },
	{ "GET", "v1/audit/verify", ROLE_VIEWER, false, "seq hash at signature", api_audit_verify },
	{ "GET", "v1/audit/export", ROLE_VIEWER, false, "from limit", api_audit_export },
	{ "GET", "v1/revisions", ROLE_VIEWER, false, "limit", api_revisions },
	{ "GET", "v1/revisions/{}", ROLE_VIEWER, false, "", api_revision },
};

/** Does the request's path have the form of @p path? */
static bool
path_matches(const struct request *r, const char *path)
{
	unsigned int i = 0;

	while (*path != '\0') {
		size_t len = strcspn(path, "/");

		if (i == r->nb_segments)
			return false;
		if (strncmp(path, "{}", len) != 0 &&
				(strlen(r->segments[i]) != len ||
						memcmp(r->segments[i], path, len) != 0))
			return false;
		i++;
		path += len;
		path += *path == '/';
	}
	return i == r->nb_segments;
}

/** HEAD is GET without the body, which libmicrohttpd leaves away. */
static bool
method_matches(const struct request *r, const struct route *route)
{
	if (strcmp(r->method, "HEAD") == 0)
		return strcmp(route->method, "GET") == 0;
	return strcmp(r->method, route->method) == 0;
}

/** @return NULL: none; *path_known says whether the path has other methods. */
static const struct route *
route_find(struct request *r, bool *path_known)
{
	size_t at = 0;

	*path_known = false;
	r->allow[0] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
		if (!path_matches(r, routes[i].path))
			continue;
		if (method_matches(r, &routes[i])) {
			r->allow[0] = '\0';
			return &routes[i];
		}
		*path_known = true;
		at += (size_t)snprintf(r->allow + at, sizeof(r->allow) - at, "%s%s",
				at > 0 ? ", " : "", routes[i].method);
	}
	return NULL;
}

/** Is @p word one of those in @p words? */
static bool
word_in(const char *word, const char *words)
{
	size_t len = strlen(word);

	for (const char *at = words; *at != '\0';) {
		size_t n = strcspn(at, " ");

		if (n == len && memcmp(at, word, len) == 0)
			return true;
		at += n;
		at += *at == ' ';
	}
	return false;
}

/** A misspelt dry_run must not change anything: unknown parameters are errors. */
static bool
check_params(struct request *r, const struct route *route)
{
	for (unsigned int i = 0; i < r->nb_params; i++) {
		const char *name = r->params[i].name;

		if (word_in(name, route->params))
			continue;
		request_fail(r, 400, &(struct api_error){ .code = "bad_request", .path = name },
				"unknown parameter \"%.40s\"; known are: %s", name,
				route->params[0] != '\0' ? route->params : "none");
		return false;
	}
	return true;
}

/** @return false: replied. */
static bool
check_role(struct request *r, enum role least)
{
	const struct peer *peer = &r->peer;
	char name[ACCESS_SUBJECT_SIZE];

	if (peer->role >= least)
		return true;
	peer_name(peer, name, sizeof(name));
	request_fail(r, 403,
			&(struct api_error){ .code = "denied",
					.hint = "access.yaml says who has which role; see guidewayd(8)" },
			"%s has %s%s; this needs %s%s%s", name,
			peer->role == ROLE_NONE ? "no role" : "the role ",
			peer->role == ROLE_NONE ? "" : role_name(peer->role), role_name(least),
			peer->why[0] != '\0' ? ": " : "", peer->why);
	return false;
}

/** @return false: replied. */
static bool
check_rate(struct request *r)
{
	const struct access *access = r->daemon->access;

	if (rate_take(&r->daemon->rate, &r->peer, access->rate_per_s, clock_monotonic_us()))
		return true;
	request_fail(r, 429,
			&(struct api_error){ .code = "too_many_requests",
					.hint = "requests-per-second in access.yaml" },
			"more than %u requests within a second", access->rate_per_s);
	return false;
}

/** What somebody tried in vain: a change, or anything without the role for it. */
static void
on_failed(struct request *r, const char *code, const char *message)
{
	char action[256];
	size_t at = (size_t)snprintf(action, sizeof(action), "%s ", r->method);

	if (r->status != 403 && (!r->is_change || r->status >= 500))
		return;
	for (unsigned int i = 0; i < r->nb_segments && at < sizeof(action) - 1; i++)
		at += (size_t)snprintf(action + at, sizeof(action) - at, "/%s", r->segments[i]);
	refusals_add(r->daemon->refusals, &r->peer, action, code, message);
}

void
api_check(struct request *r)
{
	bool path_known;
	const struct route *route;

	r->failed = on_failed;
	/* Whoever has no role does not even learn what there is. */
	if (!check_role(r, ROLE_VIEWER) || !check_rate(r))
		return;
	route = route_find(r, &path_known);
	if (route == NULL && path_known) {
		request_fail(r, 405, &(struct api_error){ .code = "method_not_allowed" },
				"%s is not possible here, only %s", r->method, r->allow);
	} else if (route == NULL) {
		request_fail(r, 404,
				&(struct api_error){
						.code = "not_found", .hint = "see doc/api.md" },
				"no such path");
	} else {
		r->is_change = route->changes;
		if (check_role(r, route->role))
			check_params(r, route);
	}
}

static void
run(const struct route *route, struct request *r)
{
	if (!route->changes || api_revision_is_expected(r))
		route->handle(r);
}

bool
api_is_busy(const struct daemon *d)
{
	return reconcile_busy(d->reconcile) || d->planned_change != NULL;
}

void
api_handle(struct request *r)
{
	bool path_known;
	const struct route *route = route_find(r, &path_known);

	if (route->changes && (api_is_busy(r->daemon) || !STAILQ_EMPTY(&r->daemon->waiting)))
		STAILQ_INSERT_TAIL(&r->daemon->waiting, r, waiting);
	else
		run(route, r);
}

void
api_wake(struct daemon *d)
{
	while (!STAILQ_EMPTY(&d->waiting) && !api_is_busy(d) && !d->reload_wanted) {
		struct request *r = STAILQ_FIRST(&d->waiting);
		bool path_known;

		STAILQ_REMOVE_HEAD(&d->waiting, waiting);
		run(route_find(r, &path_known), r);
	}
}

void
api_stop(struct daemon *d)
{
	api_events_stop(d);
	api_plan_stop(d);
	api_audit_stop(d);
	while (!STAILQ_EMPTY(&d->waiting)) {
		struct request *r = STAILQ_FIRST(&d->waiting);

		STAILQ_REMOVE_HEAD(&d->waiting, waiting);
		request_fail(r, 503, &(struct api_error){ .code = "busy" },
				"guidewayd is stopping; nothing was changed");
	}
}
