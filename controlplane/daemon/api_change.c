/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What all changes share: parameters, waiting for the end, the reply.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/service_id.h"

#include "controlplane/daemon/api_handlers.h"
#include "controlplane/daemon/config_read.h"
#include "controlplane/daemon/confirm.h"
#include "controlplane/daemon/daemon.h"
#include "controlplane/daemon/json_text.h"

const struct config_service *
api_find_service(struct request *r, const char *name_or_id)
{
	const struct config *config = reconcile_state(r->daemon->reconcile)->config;
	const struct config_service *service = config_find(config, name_or_id);

	if (service == NULL)
		request_fail(r, 404,
				&(struct api_error){ .code = "no_such_service",
						.path = name_or_id,
						.hint = "guideway service list" },
				"no service is called \"%.80s\"", name_or_id);
	return service;
}

bool
api_parse_address(struct request *r, const char *text, struct ip_addr *out)
{
	if (ip_addr_parse(text, out) == 0)
		return true;
	request_fail(r, 400, &(struct api_error){ .code = "bad_request", .path = text },
			"\"%.60s\" is not an IPv4 or IPv6 address", text);
	return false;
}

void
api_complain(struct request *r, const struct complaints *c)
{
	struct api_error error = { .code = c->syntax ? "bad_request" : "invalid_config" };
	char *line;

	if (!complaints_any(c)) {
		request_fail(r, 500, &(struct api_error){ .code = "internal" }, "out of memory");
		return;
	}
	error.path = c->list[0].path;
	error.hint = c->list[0].hint;
	error.details = json_array();
	for (unsigned int i = 0; i < c->nb; i++) {
		const struct complaint *e = &c->list[i];

		json_array_append_new(error.details,
				json_pack("{s:I, s:I, s:o, s:o}", "line", (json_int_t)e->line,
						"column", (json_int_t)e->column, "path",
						json_text(e->path != NULL ? e->path : ""),
						"message",
						json_text(e->text != NULL ? e->text
									  : "out of memory")));
	}
	line = complaint_line(c, 0);
	if (c->nb + c->nb_more > 1)
		request_fail(r, c->syntax ? 400 : 422, &error, "%s (and %u more)",
				line != NULL ? line : "?", c->nb + c->nb_more - 1);
	else
		request_fail(r, c->syntax ? 400 : 422, &error, "%s", line != NULL ? line : "?");
	free(line);
}

const struct node *
api_body(struct request *r, struct document *document, struct complaints *c)
{
	const struct node *root;

	if (r->content_type[0] != '\0' && strcmp(r->content_type, "application/json") != 0) {
		request_fail(r, 415, &(struct api_error){ .code = "unsupported_media" },
				"Content-Type must be application/json");
		return NULL;
	}
	complaints_init(c, "body");
	if (document == NULL ||
			document_parse_json(document, r->body != NULL ? r->body : "", r->body_len,
					c) != 0) {
		api_complain(r, c);
		complaints_clear(c);
		return NULL;
	}
	root = document_root(document);
	return root;
}

bool
api_read_body(struct request *r, const struct field *fields, unsigned int nb_fields,
		void (*check)(struct reader *reader, const struct node *root), void *out)
{
	struct document *document = document_create();
	struct complaints c;
	const struct node *root = api_body(r, document, &c);
	struct reader reader = { .complaints = &c };
	bool good = false;

	if (root != NULL) {
		fields_read(&reader, root, fields, nb_fields, out);
		if (!complaints_any(&c) && check != NULL)
			check(&reader, root);
		good = !complaints_any(&c);
		if (!good)
			api_complain(r, &c);
		complaints_clear(&c);
	}
	document_destroy(document);
	return good;
}

struct change_request
api_change_request(const struct request *r, const char *action)
{
	struct change_request change = { .actor = peer_actor(&r->peer), .action = action };

	return change;
}

void
api_name_actor(const struct request *r, char *out, size_t size)
{
	peer_name(&r->peer, out, size);
}

static const char *
result_word(enum change_status status)
{
	switch (status) {
	case CHANGE_IN_FORCE:
		return "in_force";
	case CHANGE_STORED:
		return "stored";
	case CHANGE_UNCHANGED:
		return "unchanged";
	default:
		return "dry_run";
	}
}

static void
reply_success(struct request *r, const struct change_result *result)
{
	bool in_force = result->status == CHANGE_IN_FORCE;
	json_t *json = json_pack("{s:s, s:o, s:I, s:o, s:o, s:o}", "result",
			result_word(result->status), "message", json_text(result->message),
			"revision", (json_int_t)result->revision, "generation",
			in_force ? json_integer((json_int_t)result->generation) : json_null(),
			"apply_us", in_force ? json_integer(result->apply_us) : json_null(),
			"latency_us",
			in_force ? json_integer((json_int_t)result->latency_us) : json_null());

	json_object_set(json, "changes", result->changes);
	json_object_set_new(json, "confirm", confirm_view(r->daemon->confirm));
	if (strcmp(r->method, "DELETE") == 0 && strcmp(r->segments[1], "overrides") == 0)
		json_object_set_new(json, "overrides_reset", json_integer(r->nb_reset));
	request_reply(r, 200, json);
}

static void
on_done(void *context, const struct change_result *result)
{
	struct request *r = context;

	switch (result->status) {
	case CHANGE_REFUSED:
		request_fail(r, 422,
				&(struct api_error){ .code = "refused", .path = result->place },
				"%s", result->message);
		break;
	case CHANGE_NOT_ACKNOWLEDGED:
		request_fail(r, 504,
				&(struct api_error){ .code = "not_acknowledged",
						.hint = "guideway status shows when it is in force" },
				"%s", result->message);
		break;
	case CHANGE_STORE_FAILED:
		request_fail(r, 500, &(struct api_error){ .code = "store_failed" }, "%s",
				result->message);
		break;
	case CHANGE_NO_MEMORY:
		request_fail(r, 500, &(struct api_error){ .code = "internal" }, "%s",
				result->message);
		break;
	default:
		reply_success(r, result);
	}
}

void
api_change_drop(struct change_request *change)
{
	json_decref(change->before);
	json_decref(change->after);
	config_unref(change->config);
	overrides_unref(change->overrides);
}

void
api_fail_stale(struct request *r, uint64_t revision, uint64_t expected)
{
	request_fail(r, 409, &(struct api_error){ .code = "stale_revision" },
			"the revision is %" PRIu64 ", not %" PRIu64 "; nothing was changed",
			revision, expected);
}

/** If-Match of RFC 9110, 13.1.1: "*", or ETags of which one must be the current revision's. */
static bool
matches(struct request *r, uint64_t revision)
{
	char etag[24];

	snprintf(etag, sizeof(etag), "\"%" PRIu64 "\"", revision);
	if (r->if_match[0] == '\0' || strcmp(r->if_match, "*") == 0 ||
			strstr(r->if_match, etag) != NULL)
		return true;
	request_fail(r, 412, &(struct api_error){ .code = "stale_revision" },
			"If-Match: the revision is %s, not %s; nothing was changed", etag,
			r->if_match);
	return false;
}

bool
api_revision_is_expected(struct request *r)
{
	uint64_t revision = reconcile_state(r->daemon->reconcile)->revision;
	uint64_t expected = revision;

	if (!request_param_number(r, "expect_revision", 0, INT64_MAX, &expected))
		return false;
	if (expected == revision)
		return matches(r, revision);
	api_fail_stale(r, revision, expected);
	return false;
}

bool
api_config_may_change(const struct request *r, const struct change_request *change)
{
	const struct store_state *state = reconcile_state(r->daemon->reconcile);

	return change->config == NULL || state->confirm.revision == 0 ||
			(change->has_confirm && change->confirm.revision == 0);
}

static void
fail_pending(struct request *r)
{
	request_fail(r, 409,
			&(struct api_error){ .code = "confirm_pending",
					.hint = "guideway confirm, or guideway rollback" },
			"revision %" PRIu64
			" waits to be confirmed; until then the configuration cannot change",
			reconcile_state(r->daemon->reconcile)->revision);
}

void
api_change(struct request *r, struct change_request *change)
{
	if (!api_config_may_change(r, change)) {
		fail_pending(r);
		api_change_drop(change);
	} else if (request_param_bool(r, "dry_run", &change->dry_run)) {
		reconcile_change(r->daemon->reconcile, change, on_done, r);
	} else {
		api_change_drop(change);
	}
}
