/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_LINK_EVENT_H
#define DAEMON_LINK_EVENT_H

/**
 * @file
 * Events of the dataplane (neighbours, links) as lines of the log, at most so many a
 * second.
 *
 * Thread safety: the main thread only.
 */

#include "channel/message.h"

void link_event_log(const struct message *m);

#endif
