/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef STORE_WORK_H
#define STORE_WORK_H

/**
 * @file
 * Work for a store that is going to be interrupted, and what must hold afterwards: every change
 * that was acknowledged is there, each is there as a whole or not at all, the chain of the
 * audit trail has no gap. Change number N sets port N, an override of weight N and a balancer
 * "since N", so that parts of two changes cannot be taken for one.
 */
#include "controlplane/daemon/store.h"

/** A configuration that differs in its port alone. */
struct config *work_config(unsigned int port);

/** Make change @p n, with its end and an observation. @return 0: acknowledged; -EIO. */
MUST_CHECK int work_change(struct store *store, uint64_t n);

/**
 * Check everything. Fails the test that calls it.
 * @param acknowledged Changes that store_write() has promised.
 * @param verified     Chain up to here is known; moved to the end.
 * @return the number of the last change that is there.
 */
uint64_t work_check(struct store *store, uint64_t acknowledged, struct trail_place *verified);

#endif
