/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_EVENT_LOG_H
#define DAEMON_EVENT_LOG_H

/**
 * @file
 * Events of the dataplane (neighbours, suspicions, links) as lines of the log, at most so many a
 * second.
 *
 * Thread safety: the main thread only.
 */

#include "channel/message.h"

void event_log(const struct message *m);

#endif
