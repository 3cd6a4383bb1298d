/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The audit trail: listing, its signed head, verifying it, exporting it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/daemon/api_handlers.h"
#include "controlplane/daemon/api_text.h"
#include "controlplane/daemon/audit_head.h"
#include "controlplane/daemon/audit_verify.h"
#include "controlplane/daemon/daemon.h"

/** Records that are read between two turns of the loop. */
#define EXPORTED_AT_ONCE 32

void
api_audit(struct request *r)
{
	uint64_t limit = 100, before = 0;

	if (!request_param_number(r, "limit", 1, 1000, &limit) ||
			!request_param_number(r, "before", 1, INT64_MAX, &before))
		return;
	api_reply_from_store(
			r, store_audit(r->daemon->store, (unsigned int)limit, (int64_t)before));
}

void
api_audit_head(struct request *r)
{
	struct daemon *d = r->daemon;

	request_reply(r, 200,
			json_pack("{s:o, s:s}", "head", audit_head_view(d->audit_head),
					"public_key", audit_key_public(d->audit_key)));
}

/* Verifying. */

struct audit_request {
	struct request *request;
	struct audit_verify *verify;
};

static void
on_verified(void *context)
{
	struct audit_request *a = context;
	struct daemon *d = a->request->daemon;

	request_reply(a->request, 200, audit_verify_view(a->verify));
	audit_verify_end(a->verify);
	d->audit_request = NULL;
	free(a);
}

/** A head from a log: is it one that this daemon has signed? @return false: replied. */
static bool
check_signature(struct request *r, const struct trail_place *head)
{
	const char *at = request_param(r, "at"), *signature = request_param(r, "signature");

	if (at == NULL && signature == NULL)
		return true;
	if (at != NULL && signature != NULL &&
			audit_key_verify(r->daemon->audit_key, head, at, signature))
		return true;
	request_fail(r, 422,
			&(struct api_error){ .code = "bad_signature",
					.hint = "GET /v1/audit/head has the key's public half" },
			"head %" PRIu64 " was not signed by the key of this daemon", head->seq);
	return false;
}

/** @return false: replied. */
static bool
read_expected(struct request *r, struct trail_place *out)
{
	const char *hash = request_param(r, "hash");

	if (!request_param_number(r, "seq", 1, INT64_MAX, &out->seq))
		return false;
	if ((out->seq != 0) != (hash != NULL) ||
			(hash != NULL && trail_hash_parse(hash, out->hash) != 0)) {
		request_fail(r, 400, &(struct api_error){ .code = "bad_request", .path = "hash" },
				"seq and hash (64 hexadecimal digits) belong together");
		return false;
	}
	return out->seq == 0 || check_signature(r, out);
}

void
api_audit_verify(struct request *r)
{
	struct daemon *d = r->daemon;
	struct audit_verify_conf conf = {
		.loop = d->loop, .path = d->store_path, .key = d->audit_key, .done = on_verified
	};
	struct audit_request *a;

	if (!read_expected(r, &conf.expected))
		return;
	if (d->audit_request != NULL) {
		request_fail(r, 503, &(struct api_error){ .code = "busy" },
				"the trail is being verified already");
		return;
	}
	a = calloc(1, sizeof(*a));
	conf.context = a;
	if (a != NULL) {
		a->request = r;
		a->verify = audit_verify_start(&conf);
	}
	if (a == NULL || a->verify == NULL) {
		free(a);
		request_reply(r, 500, NULL);
		return;
	}
	d->audit_request = a;
}

void
api_audit_stop(struct daemon *d)
{
	struct audit_request *a = d->audit_request;

	if (a == NULL)
		return;
	request_fail(a->request, 503, &(struct api_error){ .code = "busy" },
			"guidewayd is stopping");
	audit_verify_end(a->verify);
	d->audit_request = NULL;
	free(a);
}

/* Exporting: a line a record. */

struct export
{
	struct store *store;
	uint64_t next;
	uint64_t left; /* So many more. */
};

static int
export_write(void *context, FILE *out)
{
	struct export *e = context;
	unsigned int most = e->left < EXPORTED_AT_ONCE ? (unsigned int)e->left : EXPORTED_AT_ONCE;
	json_t *rows = store_trail_export(e->store, e->next, most), *row;
	size_t i, nb = json_array_size(rows);

	if (rows == NULL)
		return -1;
	json_array_foreach(rows, i, row)
	{
		json_dumpf(row, out, JSON_COMPACT);
		fputc('\n', out);
	}
	/* Sequence numbers have no holes; where one is missing, the rest comes all the same. */
	if (nb > 0) {
		json_t *last = json_loads(json_string_value(json_object_get(
							  json_array_get(rows, nb - 1), "record")),
				0, NULL);

		e->next = (uint64_t)json_integer_value(json_object_get(last, "seq")) + 1;
		json_decref(last);
	}
	json_decref(rows);
	e->left -= nb;
	return nb > 0 && e->left > 0;
}

static void
export_end(void *context)
{
	free(context);
}

void
api_audit_export(struct request *r)
{
	uint64_t from = 1, limit = INT64_MAX;
	struct export *e;

	if (!request_param_number(r, "from", 1, INT64_MAX, &from) ||
			!request_param_number(r, "limit", 1, INT64_MAX, &limit))
		return;
	e = malloc(sizeof(*e));
	if (e == NULL) {
		request_reply(r, 500, NULL);
		return;
	}
	*e = (struct export){ .store = r->daemon->store, .next = from, .left = limit };
	api_text_reply(r,
			&(struct api_text){
					.context = e, .write = export_write, .end = export_end },
			"application/x-ndjson");
}
