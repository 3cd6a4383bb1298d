/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/config_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/clock.h"
#include "controlplane/daemon/complaint.h"
#include "controlplane/daemon/config_read.h"
#include "controlplane/daemon/daemon.h"
#include "controlplane/daemon/file.h"
#include "controlplane/daemon/log.h"

struct config *
config_file_read(const char *path, struct complaints *c, int *error)
{
	struct config *config;
	size_t len;
	char *text = file_read_document(path, c, &len, error);

	if (text == NULL)
		return NULL;
	config = config_parse(text, len, FORMAT_YAML, c);
	free(text);
	return config;
}

static void
note(struct config_file *file, enum config_file_state state, const char *message)
{
	file->state = state;
	file->at_ms = clock_wall_ms();
	snprintf(file->message, sizeof(file->message), "%s", message);
}

/** Log every complaint; keep the first lines for people who ask the API. */
static void
reject(struct config_file *file, const struct complaints *c)
{
	char text[sizeof(file->message)] = "out of memory";
	size_t at = 0;

	for (unsigned int i = 0; i < c->nb; i++) {
		char *line = complaint_line(c, i);

		log_line(LOG_ERR, "%s", line != NULL ? line : "out of memory");
		if (line != NULL && at < sizeof(text) - 1)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s",
					at > 0 ? "; " : "", line);
		free(line);
	}
	if (c->nb_more > 0)
		log_line(LOG_ERR, "%s: %u more errors", c->document, c->nb_more);
	log_line(LOG_ERR, "%s: not applied; what was in force stays", c->document);
	note(file, CONFIG_FILE_REJECTED, text);
}

static void
on_done(void *context, const struct change_result *result)
{
	struct daemon *d = context;
	struct config_file *file = &d->file;
	char message[768];

	file->under_way = false;
	switch (result->status) {
	case CHANGE_REFUSED:
	case CHANGE_STORE_FAILED:
	case CHANGE_NO_MEMORY:
		log_line(LOG_ERR, "%s: %s", d->options.config, result->message);
		note(file, CONFIG_FILE_REJECTED, result->message);
		break;
	default:
		snprintf(message, sizeof(message), "applied as revision %llu: %s",
				(unsigned long long)result->revision, result->message);
		log_line(LOG_INFO, "%s: %s", d->options.config, message);
		note(file, CONFIG_FILE_APPLIED, message);
		if (store_file_note(d->store, d->options.config, file->config) != 0)
			log_line(LOG_ERR, "store: %s", store_error(d->store));
	}
	config_unref(file->config);
	file->config = NULL;
}

/** The configuration is good: change to it. */
static void
apply(struct daemon *d, struct config *config)
{
	struct change_request request = { .actor = peer_self(), .action = "config.apply" };
	const struct store_state *state = reconcile_state(d->reconcile);

	snprintf(request.target, sizeof(request.target), "%s", d->options.config);
	request.before = json_pack("{s:I}", "revision", (json_int_t)state->revision);
	request.config = config;
	d->file.under_way = true;
	d->file.config = config_ref(config);
	reconcile_change(d->reconcile, &request, on_done, d);
}

static void
apply_good(struct daemon *d, struct config *config, bool always)
{
	const struct store_state *state = reconcile_state(d->reconcile);
	int known = 0;

	if (!always && state->revision != 0)
		known = store_file_is_known(d->store, d->options.config, config);
	if (known < 0)
		log_line(LOG_ERR, "store: %s", store_error(d->store));
	if (known > 0) {
		log_line(LOG_INFO, "%s: as when it was last applied; revision %llu stays",
				d->options.config, (unsigned long long)state->revision);
		note(&d->file, CONFIG_FILE_UNCHANGED, "as when it was last applied");
		config_unref(config);
		return;
	}
	if (state->confirm.revision != 0) {
		log_line(LOG_ERR, "%s: not applied: revision %llu waits to be confirmed",
				d->options.config, (unsigned long long)state->revision);
		note(&d->file, CONFIG_FILE_REJECTED, "a change waits to be confirmed");
		config_unref(config);
		return;
	}
	if (config->nb_services == 0 && state->config->nb_services != 0) {
		log_line(LOG_ERR,
				"%s: services: [] would remove all %u services; not applied. If that is "
				"meant: guideway apply -f FILE --allow-empty",
				d->options.config, state->config->nb_services);
		note(&d->file, CONFIG_FILE_REJECTED, "services: [] would remove all services");
		config_unref(config);
		return;
	}
	apply(d, config);
}

void
config_file_apply(struct daemon *d, bool always)
{
	struct complaints c;
	struct config *config;
	int error;

	complaints_init(&c, d->options.config);
	config = config_file_read(d->options.config, &c, &error);
	if (config != NULL) {
		apply_good(d, config, always);
	} else if (error == ENOENT && !always) {
		log_line(LOG_NOTICE, "%s: there is none; what is in the store holds",
				d->options.config);
		note(&d->file, CONFIG_FILE_ABSENT, "there is no such file");
	} else {
		reject(&d->file, &c);
	}
	complaints_clear(&c);
}

const char *
config_file_state_name(enum config_file_state state)
{
	static const char *const names[] = { [CONFIG_FILE_ABSENT] = "absent",
		[CONFIG_FILE_APPLIED] = "applied",
		[CONFIG_FILE_UNCHANGED] = "unchanged",
		[CONFIG_FILE_REJECTED] = "rejected" };

	return names[state];
}
