/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

/**
 * @file
 * The daemon's log: lines on stderr.
 *
 * Under systemd (JOURNAL_STREAM is set) a line starts with its level as "<3>"
 * (sd-daemon(3)), so that the journal files it rightly; else with a word.
 * Levels as in doc/: ERR = an operator must act; WARNING = degraded; NOTICE = a
 * state changed; INFO = lifecycle; DEBUG = the rest.
 *
 * Thread safety: log_line() may run on any thread, log_open() before others start.
 */

#include <syslog.h>

#include "base/compiler.h"

/** Look at the environment once; lines above @p max_level are not written. */
void log_open(int max_level);

/** Write one line; control characters in it become '?'. @param level LOG_ERR … LOG_DEBUG. */
void log_line(int level, const char *format, ...) PRINTF_LIKE(2, 3);

/**
 * The same, and to syslog, if the journal does not get it anyway: what has to leave this host.
 * Nobody waits for a syslog that does not take it.
 */
void log_line_away(int level, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
