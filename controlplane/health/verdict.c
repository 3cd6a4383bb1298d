/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/health/verdict.h"

void
verdict_init(struct verdict *v)
{
	*v = (struct verdict){ .health = HEALTH_UNKNOWN };
}

bool
verdict_note(struct verdict *v, uint16_t rise, uint16_t fall, bool good)
{
	uint8_t says = good ? HEALTH_UP : HEALTH_DOWN;
	uint16_t needed = good ? rise : fall;

	if (says == v->health) {
		v->streak = 0;
		return false;
	}
	if (v->health == HEALTH_UNKNOWN && good)
		needed = 1;
	v->streak++;
	if (v->streak < needed)
		return false;
	v->health = says;
	v->streak = 0;
	return true;
}

bool
verdict_in_doubt(const struct verdict *v)
{
	return v->streak > 0 || v->health == HEALTH_UNKNOWN;
}
