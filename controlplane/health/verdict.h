/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef HEALTH_VERDICT_H
#define HEALTH_VERDICT_H

/**
 * @file
 * From the results of attempts to a verdict: `rise` good ones in a row make up what was
 * down, `fall` bad ones in a row make down what was up, as in HAProxy.
 *
 * What was never judged is unknown. One good attempt makes it up, because there is
 * nothing that speaks against; `fall` bad ones make it down.
 *
 * Thread safety: plain values; one thread owns one.
 */

#include <stdbool.h>
#include <stdint.h>

#include "service/service.h"

struct verdict {
	uint8_t health;	 /**< enum backend_health. */
	uint16_t streak; /**< Attempts in a row that speak against health; 0: the last agreed. */
};

/** Nothing is known. */
void verdict_init(struct verdict *v);

/**
 * An attempt has ended.
 * @param rise Not 0. @param fall Not 0.
 * @return true: health is another than before.
 */
bool verdict_note(struct verdict *v, uint16_t rise, uint16_t fall, bool good);

/** Should the next attempt come soon? True while the last one speaks against health. */
bool verdict_in_doubt(const struct verdict *v);

#endif
