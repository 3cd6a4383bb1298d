/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_INSTANCE_H
#define DATAPLANE_INSTANCE_H

/**
 * @file
 * One dataplane for each channel socket: a lock beside it, made with its folder
 * before anything that another dataplane could be disturbed by.
 *
 * Thread safety: main thread only.
 */

#include "dataplane/config.h"

struct instance {
	int fd;		     /**< Of the lock; -1: none held. */
	char lock_path[120]; /**< "channel.sock.lock" */
};

/**
 * Make the socket's folder if it is missing (not its parents) and take the lock.
 * @return 0; -EADDRINUSE: another dataplane holds it; another -errno: folder or lock
 *         cannot be made. Nothing was logged.
 */
int instance_lock(struct instance *instance, const struct dataplane_conf *conf);

/** Give the lock back and remove its file. Legal when none is held. */
void instance_unlock(struct instance *instance);

#endif
