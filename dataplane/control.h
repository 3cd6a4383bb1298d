/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_CONTROL_H
#define DATAPLANE_CONTROL_H

/**
 * @file
 * The control thread: serves the channel, applies transactions, builds and
 * publishes snapshots, ends quarantines. It sleeps unless there is work.
 */

struct dataplane;
struct control;

/** Make the state, the first (empty) snapshot and the channel's socket; no thread yet.
 *  @return NULL and errno; the reason was logged. */
struct control *control_create(struct dataplane *dp);
/** Start the thread; workers must run. @return 0 or -errno. */
int control_start(struct control *control);
/** Stop and join the thread (workers may have stopped), then free. Legal with NULL. */
void control_destroy(struct control *control);

#endif
