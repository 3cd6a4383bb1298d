/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_API_HANDLERS_H
#define DAEMON_API_HANDLERS_H

/**
 * @file
 * The functions of the API, one a method and path (api.c has the table), and what they
 * share. Each replies exactly once; those that change something perhaps later.
 *
 * Thread safety: the main thread only.
 */

#include "controlplane/daemon/complaint.h"
#include "controlplane/daemon/fields.h"
#include "controlplane/daemon/node.h"
#include "controlplane/daemon/reconcile.h"
#include "controlplane/daemon/request.h"

/* Reading. */
void api_status(struct request *r);
void api_services(struct request *r);
void api_service(struct request *r);
void api_backends(struct request *r);
void api_backend(struct request *r);
void api_backend_everywhere(struct request *r);
void api_overrides(struct request *r);
void api_balancer(struct request *r);
void api_config_get(struct request *r);
void api_stats(struct request *r);
void api_metrics(struct request *r);
void api_events(struct request *r);
void api_audit(struct request *r);
void api_audit_head(struct request *r);
void api_audit_verify(struct request *r);
void api_audit_export(struct request *r);
void api_revisions(struct request *r);
void api_revision(struct request *r);
void api_plan(struct request *r);
void api_diff(struct request *r);
void api_confirm_get(struct request *r);

/* Changing. */
void api_config_put(struct request *r);
void api_backend_add(struct request *r);
void api_backend_remove(struct request *r);
void api_backend_remove_everywhere(struct request *r);
void api_backend_patch(struct request *r);
void api_backend_patch_everywhere(struct request *r);
void api_overrides_reset(struct request *r);
void api_balancer_patch(struct request *r);
void api_service_add(struct request *r);
void api_service_patch(struct request *r);
void api_service_remove(struct request *r);
void api_rollback(struct request *r);
void api_confirm(struct request *r);

/* Shared. */

/** The service that @p name_or_id names. @return NULL: replied with 404. */
const struct config_service *api_find_service(struct request *r, const char *name_or_id);
/** Parse a backend's address from the path or a parameter. @return false: replied with 400. */
bool api_parse_address(struct request *r, const char *text, struct ip_addr *out);
/** Reply with what is wrong with a document. */
void api_complain(struct request *r, const struct complaints *c);
/** Parse a JSON body into @p document. @return its root; NULL: replied. */
const struct node *api_body(struct request *r, struct document *document, struct complaints *c);
/**
 * Read a JSON body of these fields into @p out.
 * @param check Complains of what the fields are together; NULL: nothing.
 * @return false: replied.
 */
bool api_read_body(struct request *r, const struct field *fields, unsigned int nb_fields,
		void (*check)(struct reader *reader, const struct node *root), void *out);
/** Reply with 404. @param service Which has it not; NULL: no service has. */
void api_no_such_backend(
		struct request *r, const char *address, const struct config_service *service);
/** Reply with 409: the revision is another one. */
void api_fail_stale(struct request *r, uint64_t revision, uint64_t expected);
/**
 * While a configuration waits to be confirmed, another one would blur what a revert means.
 * @return false: api_change() would refuse this change.
 */
bool api_config_may_change(const struct request *r, const struct change_request *change);
/** Is `expect_revision`, if it is given, the current one? @return false: replied. */
bool api_revision_is_expected(struct request *r);
/**
 * Start a change, or its `dry_run`; its end is the reply.
 * @param change Its references are taken.
 */
void api_change(struct request *r, struct change_request *change);
/** Give back the references of a change that is not made. */
void api_change_drop(struct change_request *change);
/** The configuration that is the body, YAML or JSON. @return one reference; NULL: replied. */
struct config *api_config_body(struct request *r);
/** "uid 0 (root)": who asks. */
void api_name_actor(const struct request *r, char *out, size_t size);
/** A change request by this peer. */
struct change_request api_change_request(const struct request *r, const char *action);

/** Reply with what the store gave; NULL: with its error. */
void api_reply_from_store(struct request *r, json_t *json);

/** The daemon is stopping: reply to whoever waits for the trail to be verified. */
void api_audit_stop(struct daemon *d);
/** The daemon is stopping: end every stream of events. */
void api_events_stop(struct daemon *d);

/** Plain sentences about what is not well. @return a new array. */
json_t *api_problems(struct daemon *d);
/** One override as status and lists show it. */
json_t *api_override_view(struct daemon *d, const struct override *o);
/** All of them. */
json_t *api_overrides_view(struct daemon *d);
/** A list of workers with load and tables. */
json_t *api_workers_view(struct daemon *d);

/**
 * What is wanted and known of a backend, put together.
 * @return true: it takes new flows now (routes included where known).
 */
bool api_backend_effect(struct daemon *d, const struct config_service *service,
		const struct config_backend *backend, struct backend_conf *out);

/** How many of a service's backends take new flows now (routes included where known). */
uint32_t api_nb_usable(
		struct daemon *d, const struct config_service *service, uint64_t *sum_weight);

#endif
