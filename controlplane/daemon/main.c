/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Life of the daemon: lock, key, store; the loop runs; the link offers the stored state
 * to the dataplane, as far as there is one; then the file is applied; then the API
 * answers and the service manager hears READY. Whoever opens the API's socket before
 * that waits in its backlog.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "controlplane/clock.h"
#include "controlplane/daemon/access_load.h"
#include "controlplane/daemon/api.h"
#include "controlplane/daemon/complaint.h"
#include "controlplane/daemon/daemon.h"
#include "controlplane/daemon/dataplane_event.h"
#include "controlplane/daemon/instance.h"
#include "controlplane/daemon/log.h"
#include "controlplane/daemon/notify.h"

/** --check: the errors on stderr, one a line. */
static int
check_file(const char *path)
{
	struct complaints c;
	struct config *config;
	int error;
	int code = EXIT_CODE_OK;

	complaints_init(&c, path);
	config = config_file_read(path, &c, &error);
	if (config != NULL) {
		printf("%s: good: %u services, %u backends\n", path, config->nb_services,
				config->nb_members);
	} else {
		code = error != 0 ? EXIT_CODE_FAILED : EXIT_CODE_INVALID;
		for (unsigned int i = 0; i < c.nb; i++) {
			char *line = complaint_line(&c, i);

			fprintf(stderr, "%s\n", line != NULL ? line : "out of memory");
			free(line);
		}
		if (c.nb_more > 0)
			fprintf(stderr, "%s: %u more errors\n", path, c.nb_more);
	}
	config_unref(config);
	complaints_clear(&c);
	return code;
}

static void
serve(struct daemon *d)
{
	if (http_start(d->http) != 0) {
		log_line(LOG_ERR, "api: cannot serve %s", d->options.api);
		d->exit_code = EXIT_CODE_FAILED;
		ev_break(d->loop, EVBREAK_ALL);
		return;
	}
	access_load_serve(d);
	d->serving = true;
	log_line(LOG_INFO, "serving %s, revision %llu", d->options.api,
			(unsigned long long)reconcile_state(d->reconcile)->revision);
	notify_send("READY=1\nSTATUS=serving");
}

static void
judge(void *context, struct desired *desired)
{
	const struct daemon *d = context;

	health_judge(d->health, desired);
}

static bool
judge_changes(void *context, struct desired *desired)
{
	const struct daemon *d = context;

	return health_judge_changes(d->health, desired);
}

/** Verdicts have changed. */
static void
on_health(void *context, uint64_t since_us)
{
	const struct daemon *d = context;

	if (!d->stopping && d->reconcile != NULL)
		reconcile_judge(d->reconcile, since_us);
}

/**
 * A dataplane that was there before us forwards by what an earlier daemon's checks had seen:
 * that holds until ours have seen something.
 */
static void
on_attached(void *context)
{
	struct daemon *d = context;
	const struct store_state *state = reconcile_state(d->reconcile);

	if (d->health_adopted || d->stopping)
		return;
	d->health_adopted = true;
	health_use(d->health, state->config, state->overrides);
	if (health_adopt(d->health, reconcile_counters(d->reconcile)))
		reconcile_judge_all(d->reconcile);
}

static void
on_event(void *context, const struct message *event)
{
	struct daemon *d = context;

	dataplane_event_tell(event, d->events);
	if (event->type == MSG_SUSPECT_EVENT)
		health_suspect(d->health, &event->SUSPECT_EVENT);
	else if (event->type == MSG_NEIGHBOUR_EVENT && !event->NEIGHBOUR_EVENT.reachable)
		health_suspect_next_hop(d->health, &event->NEIGHBOUR_EVENT.addr);
}

/** A change has ended or the link has changed: go on with what waits. */
static void
on_wake(void *context)
{
	struct daemon *d = context;

	if (d->stopping || d->reconcile == NULL || !reconcile_settled(d->reconcile))
		return;
	if (health_use(d->health, reconcile_state(d->reconcile)->config,
			    reconcile_state(d->reconcile)->overrides))
		reconcile_judge_all(d->reconcile);
	balancer_wake(d->balancer);
	confirm_wake(d->confirm);
	audit_head_wake(d->audit_head);
	if (d->file.at_ms == 0 && !d->file.under_way)
		config_file_apply(d, false);
	if (!d->serving && !d->file.under_way)
		serve(d);
	if (d->reload_wanted && !api_is_busy(d)) {
		d->reload_wanted = false;
		log_line(LOG_NOTICE, "SIGHUP: applying %s", d->options.config);
		config_file_apply(d, true);
	}
	api_wake(d);
}

static void
on_hangup(struct ev_loop *loop, ev_signal *w, int events)
{
	struct daemon *d = w->data;

	(void)loop;
	(void)events;
	access_load_again(d);
	d->reload_wanted = true;
	on_wake(d);
}

static void
on_stop(struct ev_loop *loop, ev_signal *w, int events)
{
	struct daemon *d = w->data;

	(void)events;
	log_line(LOG_INFO, "stopping; the dataplane goes on");
	notify_send("STOPPING=1");
	d->stopping = true;
	ev_break(loop, EVBREAK_ALL);
}

static void
on_watchdog(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)w;
	(void)events;
	notify_send("WATCHDOG=1");
}

/** What must be there before the loop runs. @return an exit code; -1: go on. */
static int
open_files(struct daemon *d, int *lock)
{
	char error[1024], path[4096];
	const struct options *o = &d->options;

	*lock = instance_lock(o->state_dir, error, sizeof(error));
	if (*lock < 0) {
		log_line(LOG_ERR, "%s", error);
		return *lock == -EEXIST ? EXIT_CODE_RUNNING : EXIT_CODE_FAILED;
	}
	snprintf(path, sizeof(path), "%s/hash.key", o->state_dir);
	if (hash_key_load(o->hash_key_file != NULL ? o->hash_key_file : path, &d->key, error,
			    sizeof(error)) != 0) {
		log_line(LOG_ERR, "hash key: %s", error);
		return EXIT_CODE_FAILED;
	}
	snprintf(path, sizeof(path), "%s/audit.key", o->state_dir);
	d->audit_key = audit_key_load(path, error, sizeof(error));
	if (d->audit_key == NULL) {
		log_line(LOG_ERR, "audit key: %s", error);
		return EXIT_CODE_FAILED;
	}
	snprintf(d->store_path, sizeof(d->store_path), "%s/state.db", o->state_dir);
	d->store = store_open(d->store_path, error, sizeof(error));
	if (d->store == NULL) {
		log_line(LOG_ERR, "store: %s", error);
		return EXIT_CODE_FAILED;
	}
	return -1;
}

static int
open_parts(struct daemon *d)
{
	struct reconcile_conf reconcile_conf = { .loop = d->loop,
		.store = d->store,
		.events = d->events,
		.key = &d->key,
		.channel_path = d->options.channel,
		.unrecorded = !d->options.audit_required,
		.context = d,
		.judge = judge,
		.judge_changes = judge_changes,
		.attached = on_attached,
		.event = on_event,
		.wake = on_wake };
	struct http_conf http_conf = { .loop = d->loop,
		.path = d->options.api,
		.group = d->options.api_group,
		.access = &d->access,
		.daemon = d,
		.check = api_check,
		.handle = api_handle };
	char error[1024];

	if (!access_load_first(d)) {
		log_line(LOG_ERR, "out of memory");
		return EXIT_CODE_FAILED;
	}
	instance_make_parent(d->options.api); /* If it fails, bind() says so. */
	d->http = http_create(&http_conf, error, sizeof(error));
	if (d->http == NULL) {
		log_line(LOG_ERR, "api: %s", error);
		return EXIT_CODE_FAILED;
	}
	d->health = health_create(d->loop, d->store, d->events, d->options.pinger, on_health, d);
	if (d->health == NULL) {
		log_line(LOG_ERR, "health checks: no memory or no thread");
		return EXIT_CODE_FAILED;
	}
	d->reconcile = reconcile_create(&reconcile_conf);
	if (d->reconcile == NULL) {
		log_line(LOG_ERR, "store: %s", store_error(d->store));
		return EXIT_CODE_FAILED;
	}
	d->balancer = balancer_create(d->loop, d->reconcile);
	d->confirm = confirm_create(d->loop, d->reconcile, d->store);
	d->audit_head = audit_head_create(d->loop, d->store, d->audit_key, d->options.audit_keep);
	d->refusals = refusals_create(d->loop, d->store);
	if (d->balancer == NULL || d->confirm == NULL || d->audit_head == NULL ||
			d->refusals == NULL) {
		log_line(LOG_ERR, "out of memory");
		return EXIT_CODE_FAILED;
	}
	return -1;
}

/** Checks of ten thousand backends need as many descriptors; the soft limit is for select(). */
static void
raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void
run(struct daemon *d)
{
	ev_signal hangup, terminate, interrupt;
	ev_timer watchdog;
	double interval = notify_watchdog_interval();

	ev_signal_init(&hangup, on_hangup, SIGHUP);
	ev_signal_init(&terminate, on_stop, SIGTERM);
	ev_signal_init(&interrupt, on_stop, SIGINT);
	ev_timer_init(&watchdog, on_watchdog, interval, interval);
	hangup.data = d;
	terminate.data = d;
	interrupt.data = d;
	ev_signal_start(d->loop, &hangup);
	ev_signal_start(d->loop, &terminate);
	ev_signal_start(d->loop, &interrupt);
	if (interval > 0)
		ev_timer_start(d->loop, &watchdog);

	ev_run(d->loop, 0);

	ev_timer_stop(d->loop, &watchdog);
	ev_signal_stop(d->loop, &hangup);
	ev_signal_stop(d->loop, &terminate);
	ev_signal_stop(d->loop, &interrupt);
}

int
main(int argc, char **argv)
{
	struct daemon d = { .file = { .at_ms = 0 } };
	int code, lock = -1;

	code = options_parse(argc, argv, &d.options);
	if (code != -1)
		return code;
	if (d.options.check != NULL)
		return check_file(d.options.check);

	log_open(d.options.log_level);
	raise_descriptors();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN); /* Until the loop takes it. */
	STAILQ_INIT(&d.waiting);
	LIST_INIT(&d.planned);
	d.wake = on_wake;
	d.started_ms = clock_wall_ms();
	d.started_us = clock_monotonic_us();
	d.loop = ev_default_loop(EVFLAG_AUTO);
	if (d.loop == NULL) {
		log_line(LOG_ERR, "no event loop: %s", strerror(errno));
		return EXIT_CODE_FAILED;
	}
	log_line(LOG_INFO, "guidewayd %s, state in %s", GUIDEWAY_VERSION, d.options.state_dir);
	d.events = events_create();
	if (d.events == NULL) {
		log_line(LOG_ERR, "out of memory");
		return EXIT_CODE_FAILED;
	}
	code = open_files(&d, &lock);
	if (code == -1)
		code = open_parts(&d);
	if (code == -1) {
		log_line(LOG_INFO, "hash key fingerprint %s", d.key.fingerprint);
		run(&d);
		code = d.exit_code;
	}
	d.stopping = true;
	if (d.reconcile != NULL)
		reconcile_abandon(d.reconcile);
	api_stop(&d);
	http_destroy(d.http);
	access_load_stop(&d);
	health_destroy(d.health);
	balancer_destroy(d.balancer);
	confirm_destroy(d.confirm);
	refusals_destroy(d.refusals);
	audit_head_destroy(d.audit_head);
	reconcile_destroy(d.reconcile);
	events_destroy(d.events);
	config_unref(d.file.config);
	store_close(d.store);
	audit_key_free(d.audit_key);
	explicit_bzero(&d.key, sizeof(d.key));
	if (lock >= 0)
		close(lock);
	ev_loop_destroy(d.loop);
	return code;
}
