/* SPDX-License-Identifier: BSD-3-Clause */
#include "duration.h"

#include <stdlib.h>
#include <string.h>

bool
duration_parse(const char *text, long max, long *seconds)
{
	static const struct {
		const char *unit;
		long seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 } };
	char *end;
	long n = strtol(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || n < 1 || n > max)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].unit) != 0)
			continue;
		*seconds = n * units[i].seconds;
		return *seconds <= max;
	}
	return false;
}
