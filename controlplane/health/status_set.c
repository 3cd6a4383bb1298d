/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/health/status_set.h"

#include <stdio.h>

void
status_set_add(struct status_set *set, unsigned int min, unsigned int max)
{
	for (unsigned int i = min - STATUS_MIN; i <= max - STATUS_MIN; i++)
		set->bits[i / 64] |= UINT64_C(1) << i % 64;
}

bool
status_set_has(const struct status_set *set, long status)
{
	unsigned long i = (unsigned long)status - STATUS_MIN;

	return i <= STATUS_MAX - STATUS_MIN && (set->bits[i / 64] >> i % 64 & 1) != 0;
}

const char *
status_set_format(const struct status_set *set, char *buf)
{
	size_t at = 0;

	buf[0] = '\0';
	for (long first = STATUS_MIN; first <= STATUS_MAX; first++) {
		long last = first;

		if (!status_set_has(set, first))
			continue;
		while (status_set_has(set, last + 1))
			last++;
		at += (size_t)snprintf(buf + at, STATUS_SET_STRLEN - at,
				last > first ? "%s%ld-%ld" : "%s%ld", at > 0 ? "," : "", first,
				last);
		first = last;
	}
	return buf;
}
