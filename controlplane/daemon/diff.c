/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Both states are sorted, so one merge over the services finds what came, went and
 * stayed, and within those that stayed another over the members does the same. What both
 * share is known to be the same without a look.
 */
#include "controlplane/daemon/diff.h"

#include <stdlib.h>
#include <string.h>

#include "service/service_id.h"

/** Lines in `changes.list`. */
#define DIFF_MAX_LINES 100

/** What a diff from nothing starts from; its own reference is never given back. */
static struct desired nothing = { .refs = 1 };

static void
diff_add(struct diff *diff, enum change_kind kind, const struct service_conf *service,
		const struct backend_conf *before, const struct backend_conf *after)
{
	diff->list[diff->nb++] = (struct change){
		.kind = (uint8_t)kind, .service = service, .before = before, .after = after
	};
	diff->counts[kind]++;
}

/** Members of a service that stays. @param going Which half: removals, or the rest. */
static void
diff_members(struct diff *diff, const struct desired_service *from,
		const struct desired_service *to, bool going)
{
	const struct backend_conf *a = from->members, *b = to->members;
	uint32_t i = 0, j = 0;

	while (i < from->nb || j < to->nb) {
		int order = i == from->nb     ? 1
				: j == to->nb ? -1
					      : ip_addr_compare(&a[i].addr, &b[j].addr);

		if (order < 0) {
			if (going)
				diff_add(diff, CHANGE_BACKEND_REMOVED, &from->conf, &a[i], NULL);
			i++;
		} else if (order > 0) {
			if (!going)
				diff_add(diff, CHANGE_BACKEND_ADDED, &to->conf, NULL, &b[j]);
			j++;
		} else {
			if (!going && memcmp(&a[i], &b[j], sizeof(a[i])) != 0)
				diff_add(diff, CHANGE_BACKEND_CHANGED, &to->conf, &a[i], &b[j]);
			i++;
			j++;
		}
	}
}

static void
diff_service_stays(struct diff *diff, const struct desired_service *from,
		const struct desired_service *to)
{
	if (from == to)
		return;
	diff_members(diff, from, to, true);
	if (memcmp(&from->conf, &to->conf, sizeof(from->conf)) != 0)
		diff_add(diff, CHANGE_SERVICE_CHANGED, &to->conf, NULL, NULL);
	diff_members(diff, from, to, false);
}

static void
diff_service_comes(struct diff *diff, const struct desired_service *to)
{
	diff_add(diff, CHANGE_SERVICE_ADDED, &to->conf, NULL, NULL);
	for (uint32_t i = 0; i < to->nb; i++)
		diff_add(diff, CHANGE_BACKEND_ADDED, &to->conf, NULL, &to->members[i]);
}

static int
service_order(const struct desired_service *a, const struct desired_service *b)
{
	return a == b ? 0 : service_key_compare(&a->conf.key, &b->conf.key);
}

/** Services that go come first: they make room. */
static void
diff_services(struct diff *diff, bool going)
{
	const struct desired *from = diff->from, *to = diff->to;
	uint32_t i = 0, j = 0;

	while (i < from->nb_services || j < to->nb_services) {
		int order = i == from->nb_services ? 1
				: j == to->nb_services
				? -1
				: service_order(from->services[i], to->services[j]);

		if (order < 0) {
			if (going) {
				diff_add(diff, CHANGE_SERVICE_REMOVED, &from->services[i]->conf,
						NULL, NULL);
				diff->counts[CHANGE_BACKEND_REMOVED] += from->services[i]->nb;
			}
			i++;
		} else if (order > 0) {
			if (!going)
				diff_service_comes(diff, to->services[j]);
			j++;
		} else {
			if (!going)
				diff_service_stays(diff, from->services[i], to->services[j]);
			i++;
			j++;
		}
	}
}

struct diff *
diff_make(struct desired *from, struct desired *to)
{
	struct diff *diff = calloc(1, sizeof(*diff));
	size_t most;

	if (diff == NULL)
		return NULL;
	diff->from = desired_ref(from != NULL ? from : &nothing);
	from = diff->from;
	diff->to = desired_ref(to);
	most = (size_t)from->nb_services + from->nb_members + to->nb_services + to->nb_members;
	diff->list = malloc((most + 1) * sizeof(*diff->list));
	if (diff->list == NULL) {
		diff_free(diff);
		return NULL;
	}
	diff_services(diff, true);
	diff_services(diff, false);
	return diff;
}

void
diff_free(struct diff *diff)
{
	if (diff == NULL)
		return;
	desired_unref(diff->from);
	desired_unref(diff->to);
	free(diff->list);
	free(diff);
}

void
change_to_message(const struct change *change, struct message *m)
{
	switch ((enum change_kind)change->kind) {
	case CHANGE_SERVICE_ADDED:
	case CHANGE_SERVICE_CHANGED:
		message_init(m, MSG_SERVICE_SET);
		m->SERVICE_SET.conf = *change->service;
		break;
	case CHANGE_SERVICE_REMOVED:
		message_init(m, MSG_SERVICE_REMOVE);
		m->SERVICE_REMOVE.key = change->service->key;
		break;
	case CHANGE_BACKEND_REMOVED:
		message_init(m, MSG_BACKEND_REMOVE);
		m->BACKEND_REMOVE.service = change->service->key;
		m->BACKEND_REMOVE.addr = change->before->addr;
		break;
	default:
		message_init(m, MSG_BACKEND_SET);
		m->BACKEND_SET.service = change->service->key;
		m->BACKEND_SET.conf = *change->after;
		break;
	}
}

static int
backend_change_text(const struct change *change, const char *id, char **text)
{
	const struct backend_conf *before = change->before, *after = change->after;
	char addr[IP_ADDR_STRLEN];

	ip_addr_format(after != NULL ? &after->addr : &before->addr, addr);
	if (after == NULL)
		return asprintf(text, "%s: backend %s removed", id, addr);
	if (before == NULL)
		return asprintf(text, "%s: backend %s added, weight %u, %s", id, addr,
				after->weight, backend_admin_name(after->admin));
	if (before->weight == after->weight)
		return asprintf(text, "%s: backend %s %s, was %s", id, addr,
				backend_admin_name(after->admin),
				backend_admin_name(before->admin));
	if (before->admin == after->admin)
		return asprintf(text, "%s: backend %s weight %u, was %u", id, addr, after->weight,
				before->weight);
	return asprintf(text, "%s: backend %s weight %u, was %u; %s, was %s", id, addr,
			after->weight, before->weight, backend_admin_name(after->admin),
			backend_admin_name(before->admin));
}

char *
change_to_text(const struct change *change)
{
	static const char *const words[] = { [CHANGE_SERVICE_ADDED] = "added",
		[CHANGE_SERVICE_CHANGED] = "changed",
		[CHANGE_SERVICE_REMOVED] = "removed" };
	char id[SERVICE_ID_STRLEN];
	char *text = NULL;
	int ret;

	service_id_format(&change->service->key, id);
	if (change->before != NULL || change->after != NULL)
		ret = backend_change_text(change, id, &text);
	else
		ret = asprintf(&text, "%s: service %s", id, words[change->kind]);
	return ret < 0 ? NULL : text;
}

json_t *
diff_to_json(const struct diff *diff)
{
	static const char *const keys[NB_CHANGE_KINDS] = { "services_added", "services_changed",
		"services_removed", "backends_added", "backends_changed", "backends_removed" };
	json_t *json = json_object();
	json_t *lines = json_array();

	for (unsigned int i = 0; i < NB_CHANGE_KINDS; i++)
		json_object_set_new(json, keys[i], json_integer(diff->counts[i]));
	for (uint32_t i = 0; i < diff->nb && i < DIFF_MAX_LINES; i++) {
		char *text;

		if (i == DIFF_MAX_LINES - 1 && diff->nb > DIFF_MAX_LINES) {
			json_array_append_new(lines, json_sprintf("… and %u more", diff->nb - i));
			break;
		}
		text = change_to_text(&diff->list[i]);
		json_array_append_new(lines, json_string(text != NULL ? text : "?"));
		free(text);
	}
	json_object_set_new(json, "list", lines);
	return json;
}
