/* SPDX-License-Identifier: BSD-3-Clause */
#include <unistd.h>

#include "channel/stats.h"

#include "controlplane/clock.h"
#include "controlplane/daemon/api_handlers.h"
#include "controlplane/daemon/daemon.h"
#include "controlplane/daemon/json_text.h"

static json_t *
time_or_null(int64_t wall_ms)
{
	char text[CLOCK_TEXT_SIZE];

	return wall_ms != 0 ? json_string(clock_format(wall_ms, text)) : json_null();
}

static json_t *
dataplane_view(struct daemon *d)
{
	struct link_state link = reconcile_link(d->reconcile);
	const struct stats_header *h = link.stats;
	json_t *json = json_pack("{s:b, s:b, s:o, s:o, s:o}", "connected", link.connected,
			"in_sync", link.in_sync, "socket", json_text(d->options.channel),
			"last_error", json_text(link.error), "connected_at",
			time_or_null(link.connected ? link.connected_ms : 0));
	char version[sizeof(h->version) + 1] = "";

	if (h == NULL) {
		json_object_set_new(json, "version", json_null());
		json_object_set_new(json, "uptime_s", json_null());
		json_object_set_new(json, "generation", json_null());
		return json;
	}
	for (size_t i = 0; i < sizeof(h->version) && h->version[i] != '\0'; i++)
		version[i] = h->version[i];
	json_object_set_new(json, "version", json_text(version));
	json_object_set_new(json, "uptime_s",
			json_integer(clock_wall_ms() / 1000 - (int64_t)h->start_time_s));
	json_object_set_new(json, "generation", json_integer((json_int_t)stat_get(&h->generation)));
	return json;
}

static json_t *
last_apply_view(struct daemon *d)
{
	const struct link_answer *last = reconcile_link(d->reconcile).last;

	if (last == NULL)
		return json_null();
	return json_pack("{s:o, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:o}", "at",
			time_or_null(last->at_ms), "ok", last->ok, "full_sync", last->full_sync,
			"revision", (json_int_t)reconcile_state(d->reconcile)->revision,
			"generation", (json_int_t)last->generation, "commands",
			(json_int_t)last->nb_commands, "apply_us", (json_int_t)last->apply_us,
			"latency_us", (json_int_t)last->latency_us, "error",
			json_text(last->error));
}

static json_t *
config_file_view(struct daemon *d)
{
	return json_pack("{s:o, s:s, s:o, s:o}", "path", json_text(d->options.config), "state",
			config_file_state_name(d->file.state), "message",
			json_text(d->file.message), "at", time_or_null(d->file.at_ms));
}

void
api_status(struct request *r)
{
	struct daemon *d = r->daemon;
	const struct store_state *state = reconcile_state(d->reconcile);
	json_t *problems, *json;

	counters_read(reconcile_counters(d->reconcile));
	problems = api_problems(d);
	json = json_pack("{s:s, s:I, s:o, s:I, s:b, s:o, s:I, s:o, s:o, s:s, s:I, s:I}", "version",
			GUIDEWAY_VERSION, "pid", (json_int_t)getpid(), "started_at",
			time_or_null(d->started_ms), "uptime_s",
			(json_int_t)((clock_monotonic_us() - d->started_us) / 1000000), "healthy",
			json_array_size(problems) == 0, "problems", problems, "revision",
			(json_int_t)state->revision, "applied_at", time_or_null(state->applied_ms),
			"config_file", config_file_view(d), "hash_key_fingerprint",
			d->key.fingerprint, "services", (json_int_t)state->config->nb_services,
			"backends", (json_int_t)state->config->nb_members);
	json_object_set_new(json, "overrides", api_overrides_view(d));
	json_object_set_new(json, "confirm", confirm_view(d->confirm));
	json_object_set_new(json, "balancer", balancer_view(d->balancer));
	json_object_set_new(json, "dataplane", dataplane_view(d));
	json_object_set_new(json, "last_apply", last_apply_view(d));
	json_object_set_new(json, "workers", api_workers_view(d));
	request_reply(r, 200, json);
}
