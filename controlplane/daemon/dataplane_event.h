/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_DATAPLANE_EVENT_H
#define DAEMON_DATAPLANE_EVENT_H

/**
 * @file
 * What the dataplane tells of its own accord (neighbours, suspicions, links), told on: as
 * lines of the log, at most so many a second, and to whoever follows events.
 *
 * Thread safety: the main thread only.
 */

#include "channel/message.h"

#include "controlplane/daemon/events.h"

/** @param m Checked by message_check(). */
void dataplane_event_tell(const struct message *m, struct events *events);

#endif
