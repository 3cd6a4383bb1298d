/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_RESET_H
#define DATAPLANE_RESET_H

/**
 * @file
 * RSTs to clients whose backend is down, where the service says on-down: reset. Their flow
 * has moved already: should the RST get lost, the new backend answers the next packet with one.
 *
 * Thread safety: main lcore.
 */

#include "dataplane/exception.h"

struct dataplane;

/** Answer a client's TCP packet with a RST. Takes the mbuf. */
void reset_answer(const struct dataplane *dp, const struct exception *x);

#endif
