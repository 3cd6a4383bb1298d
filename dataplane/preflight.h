/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_PREFLIGHT_H
#define DATAPLANE_PREFLIGHT_H

/**
 * @file
 * Before EAL starts: does this machine have what dataplane.yaml asks for? Each thing
 * that is missing is logged with its cause and the command that cures it; all at
 * once, so that nobody has to start ten times.
 *
 * Thread safety: main thread only.
 */

#include <stdint.h>

#include "dataplane/exit_code.h"

struct dataplane;

/** Memory that EAL must have, in MiB: tables, packet buffers, rings and some to spare. */
uint64_t preflight_memory_mb(const struct dataplane *dp);

/** @return EXIT_CODE_OK, or the code of the first kind of trouble in the order of exit_code.h. */
enum exit_code preflight_check(const struct dataplane *dp);

#endif
