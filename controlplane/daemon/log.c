/* SPDX-License-Identifier: BSD-3-Clause */
#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_SIZE 2048

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

/** What a peer sent may be quoted: it must not forge lines or steer a terminal. */
static const char *
make_line(char *line, const char *format, va_list args)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	vsnprintf(line, LINE_SIZE, format, args);
#pragma GCC diagnostic pop
	for (char *c = line; *c != '\0'; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
	return line;
}

static void
print_line(int level, const char *line)
{
	if (level > max_logged)
		return;
	if (for_journal)
		fprintf(stderr, "<%d>%s\n", level, line);
	else
		fprintf(stderr, "guidewayd: %s%s\n", level_word(level), line);
}

/** RFC 3164, as /dev/log takes it. syslog(3) would wait for a daemon that hangs. */
static void
send_to_syslog(int level, const char *line)
{
	const struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char packet[2200];
	int len = snprintf(packet, sizeof(packet), "<%d>guidewayd[%d]: %s", LOG_AUTHPRIV | level,
			(int)getpid(), line);

	if (fd < 0)
		return;
	(void)!sendto(fd, packet, (size_t)len, MSG_NOSIGNAL, (const struct sockaddr *)&addr,
			sizeof(addr));
	close(fd);
}

void
log_line(int level, const char *format, ...)
{
	char line[LINE_SIZE];
	va_list args;

	va_start(args, format);
	print_line(level, make_line(line, format, args));
	va_end(args);
}

void
log_line_away(int level, const char *format, ...)
{
	char line[LINE_SIZE];
	va_list args;

	va_start(args, format);
	print_line(level, make_line(line, format, args));
	va_end(args);
	if (!for_journal)
		send_to_syslog(level, line);
}
