/* SPDX-License-Identifier: BSD-3-Clause */
#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static bool for_journal;
static int max_logged = LOG_INFO;

void
log_open(int max_level)
{
	for_journal = getenv("JOURNAL_STREAM") != NULL;
	max_logged = max_level;
}

static const char *
level_word(int level)
{
	switch (level) {
	case LOG_ERR:
		return "error: ";
	case LOG_WARNING:
		return "warning: ";
	case LOG_DEBUG:
		return "debug: ";
	default:
		return "";
	}
}

void
log_line(int level, const char *format, ...)
{
	char line[2048];
	va_list args;

	if (level > max_logged)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);

	/* What a peer sent may be quoted: it must not forge lines or steer a terminal. */
	for (char *c = line; *c != '\0'; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
	if (for_journal)
		fprintf(stderr, "<%d>%s\n", level, line);
	else
		fprintf(stderr, "guidewayd: %s%s\n", level_word(level), line);
}
