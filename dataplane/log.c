/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK writes its log to a FILE; ours is one by fopencookie(), so that its lines
 * get the same form as our own. Our lines do not pass through it: DPDK's buffer is
 * shared by all threads, ours is on the stack. Under systemd (JOURNAL_STREAM) a line
 * starts with "<priority>", which the journal takes off again (sd-daemon(3)).
 */
#include "dataplane/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_LEN 1024
#define PROGRAM "guideway-dataplane: "

RTE_LOG_REGISTER(log_main, gw.main, INFO)
RTE_LOG_REGISTER(log_port, gw.port, INFO)
RTE_LOG_REGISTER(log_worker, gw.worker, INFO)
RTE_LOG_REGISTER(log_control, gw.control, INFO)
RTE_LOG_REGISTER(log_neighbour, gw.neighbour, INFO)

static const struct {
	const char *name;
	int level;
} level_names[] = {
	{ "error", RTE_LOG_ERR },
	{ "warning", RTE_LOG_WARNING },
	{ "notice", RTE_LOG_NOTICE },
	{ "info", RTE_LOG_INFO },
	{ "debug", RTE_LOG_DEBUG },
};

/* Priorities of syslog(3) by level of DPDK, which start at 1. */
static int
syslog_priority(uint32_t level)
{
	return level == 0 ? 7 : (int)level - 1;
}

static const char *
level_prefix(uint32_t level)
{
	if (level <= RTE_LOG_ERR)
		return "ERROR: ";
	if (level == RTE_LOG_WARNING)
		return "WARNING: ";
	return "";
}

/* One line, with one write(2): lines of two threads never mix. */
static void
line_write(uint32_t level, const char *origin, const char *text, size_t len)
{
	static const char *journal; /* Benign race: every thread finds the same. */
	char line[LINE_MAX_LEN + 128];
	int n = 0;

	if (journal == NULL)
		journal = getenv("JOURNAL_STREAM") != NULL ? "y" : "n";
	if (journal[0] == 'y')
		n = snprintf(line, sizeof(line), "<%d>", syslog_priority(level));
	n += snprintf(line + n, sizeof(line) - (size_t)n, PROGRAM "%s%s%.*s\n", origin,
			level_prefix(level), (int)len, text);
	if ((size_t)n >= sizeof(line))
		n = sizeof(line) - 1;
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* Nowhere left to say so. */
}

void
log_write(uint32_t level, int type, const char *format, ...)
{
	char text[LINE_MAX_LEN];
	va_list args;
	int len;

	if (!rte_log_can_log((uint32_t)type, level))
		return;
	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len < 0)
		return;
	line_write(level, "", text, RTE_MIN((size_t)len, sizeof(text) - 1));
}

/* What DPDK logs: a message of one or more lines, level in rte_log_cur_msg_loglevel(). */
static ssize_t
dpdk_write(void *cookie, const char *buf, size_t size)
{
	size_t at = 0;

	(void)cookie;
	while (at < size) {
		const char *end = memchr(buf + at, '\n', size - at);
		size_t len = end != NULL ? (size_t)(end - buf) - at : size - at;

		if (len > 0)
			line_write((uint32_t)rte_log_cur_msg_loglevel(), "dpdk: ", buf + at,
					RTE_MIN(len, (size_t)LINE_MAX_LEN));
		at += len + 1;
	}
	return (ssize_t)size;
}

int
log_start(void)
{
	cookie_io_functions_t functions = { .write = dpdk_write };
	FILE *stream = fopencookie(NULL, "w", functions);

	if (stream == NULL)
		return -ENOMEM;
	return rte_openlog_stream(stream) == 0 ? 0 : -EIO;
}

int
log_level_parse(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(level_names); i++)
		if (strcmp(name, level_names[i].name) == 0)
			return level_names[i].level;
	return -EINVAL;
}

int
log_set_level(const char *name)
{
	int level = log_level_parse(name);

	if (level < 0)
		return level;
	return rte_log_set_level_pattern("gw.*", (uint32_t)level) == 0 ? 0 : -EINVAL;
}
