/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/audit_head.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/clock.h"
#include "controlplane/daemon/log.h"

/** So many more than are to be kept, before the oldest go: not at every record. */
#define PRUNE_SLACK 1000

/** After a change: its answer goes first, and changes that come at once share a head. */
#define SOON_S 0.01

struct audit_head {
	struct ev_loop *loop;
	struct store *store;
	const struct audit_key *key;
	uint64_t keep;
	uint64_t signed_seq;
	char trouble[256];
	json_t *last; /* NULL: nothing was signed yet. */
	ev_timer minute;
	ev_timer soon; /* After a change. */
};

/** @return NULL: out of memory. */
static json_t *
sign(const struct audit_head *h, const struct trail_place *place)
{
	char at[CLOCK_TEXT_SIZE], signature[AUDIT_SIGNATURE_TEXT], hash[TRAIL_HASH_TEXT];

	clock_format(clock_wall_ms(), at);
	if (audit_key_sign(h->key, place, at, signature) != 0)
		return NULL;
	return json_pack("{s:I, s:s, s:s, s:s}", "seq", (json_int_t)place->seq, "hash",
			trail_hash_format(place->hash, hash), "at", at, "signature", signature);
}

/** What goes leaves a signed head of its own, from which the rest can be verified. */
static void
prune(struct audit_head *h, const struct trail_place *last)
{
	struct trail_place place;
	json_t *checkpoint, *before = store_trail_note(h->store, TRAIL_CHECKPOINT);
	uint64_t gone = (uint64_t)json_integer_value(json_object_get(before, "seq"));

	json_decref(before);
	if (h->keep == 0 || last->seq - gone <= h->keep + PRUNE_SLACK)
		return;
	if (store_trail_place(h->store, last->seq - h->keep, &place) != 0)
		return;
	checkpoint = sign(h, &place);
	if (checkpoint == NULL || store_trail_prune(h->store, place.seq, checkpoint) != 0)
		log_line(LOG_ERR, "audit: old records cannot be removed: %s",
				store_error(h->store));
	else
		log_line(LOG_NOTICE,
				"audit: records up to %" PRIu64 " are gone: %" PRIu64
				" are to be kept",
				place.seq, h->keep);
	json_decref(checkpoint);
}

static const char *
text(const json_t *head, const char *name)
{
	return json_string_value(json_object_get(head, name));
}

void
audit_head_sign(struct audit_head *h)
{
	struct trail_place place;
	json_t *head;

	ev_timer_stop(h->loop, &h->soon);
	if (store_trail_last(h->store, &place) != 0 || place.seq == h->signed_seq)
		return;
	head = sign(h, &place);
	if (head == NULL)
		return;
	/* What is logged must be on the disk: a power failure must not look like an attack. */
	if (store_trail_set_head(h->store, head, h->trouble[0] == '\0') != 0) {
		log_line(LOG_ERR, "audit: %s", store_error(h->store));
		json_decref(head);
		return;
	}
	log_line_away(LOG_NOTICE, "audit head %" PRIu64 " %s %s %s", place.seq, text(head, "hash"),
			text(head, "at"), text(head, "signature"));
	h->signed_seq = place.seq;
	json_decref(h->last);
	h->last = head;
	prune(h, &place);
}

void
audit_head_wake(struct audit_head *h)
{
	if (ev_is_active(&h->soon))
		return;
	ev_timer_set(&h->soon, SOON_S, 0.);
	ev_timer_start(h->loop, &h->soon);
}

static void
on_soon(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	audit_head_sign(w->data);
}

static void
on_minute(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	audit_head_sign(w->data);
}

json_t *
audit_head_view(struct audit_head *h)
{
	audit_head_sign(h);
	return h->last != NULL ? json_incref(h->last) : json_null();
}

const char *
audit_head_trouble(const struct audit_head *h)
{
	return h->trouble;
}

/**
 * Does the trail still have the head that was signed last? Only the place itself is looked at;
 * all hashes anew are for who asks for it. Nothing may be signed over it before.
 */
static void
check_found(struct audit_head *h)
{
	json_t *note = store_trail_note(h->store, TRAIL_HEAD);
	const char *hash, *at, *signature;
	struct trail_place head, found;
	json_int_t seq;

	if (note == NULL || json_is_null(note)) {
		json_decref(note);
		return;
	}
	if (json_unpack(note, "{s:I, s:s, s:s, s:s}", "seq", &seq, "hash", &hash, "at", &at,
			    "signature", &signature) != 0 ||
			trail_hash_parse(hash, head.hash) != 0)
		seq = 0;
	head.seq = (uint64_t)seq;
	if (seq == 0 || !audit_key_verify(h->key, &head, at, signature))
		snprintf(h->trouble, sizeof(h->trouble),
				"the audit trail's head was not signed by this daemon's key");
	else if (store_trail_place(h->store, head.seq, &found) != 0 ||
			memcmp(found.hash, head.hash, TRAIL_HASH_SIZE) != 0)
		snprintf(h->trouble, sizeof(h->trouble),
				"the audit trail was tampered with: record %" PRIu64
				" is not the one that was signed",
				head.seq);
	json_decref(note);
	if (h->trouble[0] != '\0')
		log_line_away(LOG_ERR, "%s", h->trouble);
}

struct audit_head *
audit_head_create(struct ev_loop *loop, struct store *store, const struct audit_key *key,
		uint64_t keep)
{
	struct audit_head *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->loop = loop;
	h->store = store;
	h->key = key;
	h->keep = keep;
	ev_timer_init(&h->minute, on_minute, AUDIT_HEAD_S, AUDIT_HEAD_S);
	ev_init(&h->soon, on_soon);
	h->minute.data = h;
	h->soon.data = h;
	ev_timer_start(loop, &h->minute);
	check_found(h);
	return h;
}

void
audit_head_destroy(struct audit_head *h)
{
	if (h == NULL)
		return;
	audit_head_sign(h);
	ev_timer_stop(h->loop, &h->minute);
	json_decref(h->last);
	free(h);
}
