/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/duration.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"

static const struct unit {
	char letter;
	uint32_t seconds;
} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };

int
duration_parse(const char *text, uint32_t *seconds)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long long n;

	if (digits == 0 || text[digits] == '\0' || text[digits + 1] != '\0')
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (text[digits] != units[i].letter)
			continue;
		if (digits > 10)
			return -ERANGE;
		n = strtoull(text, NULL, 10) * units[i].seconds;
		if (n > UINT32_MAX)
			return -ERANGE;
		*seconds = (uint32_t)n;
		return 0;
	}
	return -EINVAL;
}

const char *
duration_format(uint32_t seconds, char *buf)
{
	size_t i = 0;

	while (i < ARRAY_LEN(units) - 1 && (seconds == 0 || seconds % units[i].seconds != 0))
		i++;
	snprintf(buf, DURATION_STRLEN, "%" PRIu32 "%c", seconds / units[i].seconds,
			units[i].letter);
	return buf;
}

int
duration_parse_ms(const char *text, uint32_t *ms)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long long n;
	uint32_t seconds;
	int ret;

	if (digits > 0 && strcmp(text + digits, "ms") == 0) {
		if (digits > 10)
			return -ERANGE;
		n = strtoull(text, NULL, 10);
	} else {
		ret = duration_parse(text, &seconds);
		if (ret != 0)
			return ret;
		n = seconds * 1000ULL;
	}
	if (n > UINT32_MAX)
		return -ERANGE;
	*ms = (uint32_t)n;
	return 0;
}

const char *
duration_format_ms(uint32_t ms, char *buf)
{
	if (ms % 1000 == 0)
		return duration_format(ms / 1000, buf);
	snprintf(buf, DURATION_STRLEN, "%" PRIu32 "ms", ms);
	return buf;
}
