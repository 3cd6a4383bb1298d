/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_PLAN_EFFECT_H
#define DAEMON_PLAN_EFFECT_H

/**
 * @file
 * What a change does to the traffic of one service: its Maglev table before and after, made
 * by the functions that the dataplane makes its tables with (hash/maglev.h; doc/maglev.md), and
 * compared slot by slot. What a dataplane alone knows, which backends it has no route to, is
 * not looked at.
 *
 * Thread safety: pure functions but for malloc(); for any thread.
 */

#include <stdint.h>

#include "base/compiler.h"

#include "controlplane/daemon/desired.h"

/** A backend of the service before, after, or both. */
struct plan_member {
	const struct backend_conf *before; /**< NULL: it comes. Points into the service. */
	const struct backend_conf *after;  /**< NULL: it goes. */
	uint32_t slots_before;
	uint32_t slots_after;
};

struct plan_effect {
	uint32_t slots_before; /**< Of the whole table; 0: there is no service. */
	uint32_t slots_after;
	double moved; /**< Part of new flows, 0…1, that go to another backend than before. */
	double moved_minimum; /**< The least that shares like these can move. */
	uint32_t nb;
	struct plan_member *members; /**< By address. */
};

/**
 * @param before, after NULL: there is no such service; not both. They must outlive @p out.
 * @return 0; -ENOMEM: @p out holds nothing.
 */
MUST_CHECK int plan_effect_make(const struct desired_service *before,
		const struct desired_service *after, struct plan_effect *out);
void plan_effect_clear(struct plan_effect *e); /**< Legal with one that holds nothing. */

#endif
