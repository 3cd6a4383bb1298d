/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/access_load.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/daemon/api.h"
#include "controlplane/daemon/complaint.h"
#include "controlplane/daemon/daemon.h"
#include "controlplane/daemon/log.h"

static void __attribute__((format(printf, 2, 3))) trouble(struct daemon *d, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(d->access_trouble, sizeof(d->access_trouble), format, args);
	va_end(args);
	log_line(LOG_ERR, "%s", d->access_trouble);
}

/** @return NULL: not acceptable, said why; *@p absent: it does not exist, and need not. */
static struct access *
read_file(struct daemon *d, bool *absent)
{
	struct complaints c;
	struct access *a;
	char *line;
	int error;

	complaints_init(&c, d->options.access);
	a = access_read(d->options.access, &c, &error);
	*absent = a == NULL && error == ENOENT && !d->options.access_given;
	for (unsigned int i = c.nb; a == NULL && !*absent && i-- > 0;) {
		line = complaint_line(&c, i);
		trouble(d, "access: %s", line != NULL ? line : "out of memory");
		free(line);
	}
	complaints_clear(&c);
	return a;
}

/** @return false: not acceptable, said why. */
static bool
load_tls(struct daemon *d, const struct access *a)
{
	char error[512];

	if (a->nb_listen == 0)
		return true;
	if (tls_server_load(d->tls, a, error, sizeof(error)) == 0)
		return true;
	trouble(d, "access: %s", error);
	return false;
}

/** Sockets that cannot be bound are told; the others serve. */
static void
bind_all(struct daemon *d)
{
	struct http_conf conf = { .loop = d->loop,
		.tls = d->tls,
		.access = &d->access,
		.daemon = d,
		.check = api_check,
		.handle = api_handle };
	char error[512];

	for (uint32_t i = 0; i < d->access->nb_listen; i++) {
		conf.address = &d->access->listen[i];
		d->https[d->nb_https] = http_create(&conf, error, sizeof(error));
		if (d->https[d->nb_https] != NULL)
			d->nb_https++;
		else
			trouble(d, "api: %s", error);
	}
}

bool
access_load_first(struct daemon *d)
{
	struct access *a;
	bool absent;

	d->tls = tls_server_create();
	if (d->tls == NULL)
		return false;
	a = read_file(d, &absent);
	if (a != NULL && !load_tls(d, a)) {
		access_free(a);
		a = NULL;
	}
	if (a == NULL)
		a = access_default(absent ? d->options.api_group : (gid_t)-1);
	d->access = a;
	if (a == NULL)
		return false;
	bind_all(d);
	return true;
}

void
access_load_serve(struct daemon *d)
{
	for (unsigned int i = 0; i < d->nb_https; i++) {
		if (http_start(d->https[i]) != 0)
			trouble(d, "api: cannot serve %s", d->access->listen[i].text);
		else
			log_line(LOG_INFO, "serving https://%s", d->access->listen[i].text);
	}
}

static bool
same_listen(const struct access *a, const struct access *b)
{
	if (a->nb_listen != b->nb_listen)
		return false;
	for (uint32_t i = 0; i < a->nb_listen; i++) {
		if (strcmp(a->listen[i].text, b->listen[i].text) != 0)
			return false;
	}
	return true;
}

void
access_load_again(struct daemon *d)
{
	struct access *a;
	bool absent;

	d->access_trouble[0] = '\0';
	a = read_file(d, &absent);
	if (absent)
		a = access_default(d->options.api_group);
	if (a != NULL && !same_listen(a, d->access)) {
		trouble(d, "access: %s: tls.listen has changed, which takes a restart; what was in force stays",
				d->options.access);
		access_free(a);
		return;
	}
	if (a == NULL || !load_tls(d, a)) {
		log_line(LOG_ERR, "%s: not applied; what was in force stays", d->options.access);
		access_free(a);
		return;
	}
	access_free(d->access);
	d->access = a;
	log_line(LOG_NOTICE, "SIGHUP: %s: %u rules for users, %u for certificates",
			d->options.access, a->nb_users, a->nb_clients);
}

void
access_load_stop(struct daemon *d)
{
	for (unsigned int i = 0; i < d->nb_https; i++)
		http_destroy(d->https[i]);
	d->nb_https = 0;
	tls_server_destroy(d->tls);
	access_free(d->access);
}
