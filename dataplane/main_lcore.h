/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_MAIN_LCORE_H
#define DATAPLANE_MAIN_LCORE_H

/**
 * @file
 * The main lcore's loop: exceptions by class and token bucket, neighbours first;
 * TAPs towards the kernel; port statistics and link state. Sleeps when idle.
 */

struct dataplane;

/** Runs on the main lcore until dp->stop. */
void main_lcore_run(struct dataplane *dp);

#endif
