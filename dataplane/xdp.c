/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/xdp.h"

#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "dataplane/log.h"

/* Its "info" tells of sections that it skips: nothing for an operator. */
static int PRINTF_LIKE(2, 0)
		libbpf_line(enum libbpf_print_level level, const char *format, va_list args)
{
	char text[512];
	int len = vsnprintf(text, sizeof(text), format, args);

	text[strcspn(text, "\n")] = '\0';
	if (level == LIBBPF_WARN)
		LOG_PORT(WARNING, "%s", text);
	else if (level == LIBBPF_INFO)
		LOG_PORT(DEBUG, "%s", text);
	return len;
}

void
xdp_capture_log(void)
{
	libbpf_set_print(libbpf_line);
}

static void
record_path(const struct dataplane_conf *conf, const char *interface, char *path, size_t size)
{
	snprintf(path, size, "%s.xdp-%s", conf->channel_socket, interface);
}

/* 0: none, or none that can be asked for. */
static uint32_t
attached_id(const char *interface)
{
	const unsigned int index = if_nametoindex(interface);
	uint32_t id = 0;

	if (index == 0 || bpf_xdp_query_id((int)index, 0, &id) < 0)
		return 0;
	return id;
}

static uint32_t
recorded_id(const struct dataplane_conf *conf, const char *interface)
{
	char path[160];
	char line[16] = "";
	FILE *file;

	record_path(conf, interface, path, sizeof(path));
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	if (fgets(line, sizeof(line), file) == NULL)
		line[0] = '\0';
	fclose(file);
	return (uint32_t)strtoul(line, NULL, 10);
}

enum xdp_owner
xdp_owner(const struct dataplane_conf *conf, const char *interface, uint32_t *id)
{
	*id = attached_id(interface);
	if (*id == 0)
		return XDP_NONE;
	/* The kernel does not give a number twice before it is started again. */
	return *id == recorded_id(conf, interface) ? XDP_OURS : XDP_OTHER;
}

void
xdp_clear(const struct dataplane_conf *conf, const char *interface)
{
	uint32_t id;
	int ret;

	if (xdp_owner(conf, interface, &id) != XDP_OURS)
		return;
	ret = bpf_xdp_detach((int)if_nametoindex(interface), 0, NULL);
	if (ret < 0)
		LOG_PORT(WARNING, "%s: XDP program %u of an earlier run stays: %s", interface, id,
				strerror(-ret));
	else
		LOG_PORT(INFO, "%s: took off XDP program %u of an earlier run", interface, id);
}

void
xdp_record(const struct dataplane_conf *conf, const char *interface)
{
	char path[160];
	FILE *file;

	record_path(conf, interface, path, sizeof(path));
	file = fopen(path, "we");
	if (file == NULL) {
		LOG_PORT(WARNING, "%s: %s: if this process is killed, its XDP program stays", path,
				strerror(errno));
		return;
	}
	fprintf(file, "%" PRIu32 "\n", attached_id(interface));
	fclose(file);
}

void
xdp_forget(const struct dataplane_conf *conf, const char *interface)
{
	char path[160];

	xdp_clear(conf, interface);
	record_path(conf, interface, path, sizeof(path));
	unlink(path);
}
