/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef HEALTH_STATUS_SET_H
#define HEALTH_STATUS_SET_H

/**
 * @file
 * A set of HTTP statuses. Equal sets are equal as bytes.
 *
 * Thread safety: plain values.
 */

#include <stdbool.h>
#include <stdint.h>

#define STATUS_MIN 100
#define STATUS_MAX 599
/** Longest text of a set, with its NUL: of each three the first two. */
#define STATUS_SET_STRLEN (8 * ((STATUS_MAX - STATUS_MIN) / 3 + 1) + 1)

struct status_set {
	uint64_t bits[(STATUS_MAX - STATUS_MIN) / 64 + 1];
};

/** Add all from @p min to @p max, which are within STATUS_MIN…STATUS_MAX. */
void status_set_add(struct status_set *set, unsigned int min, unsigned int max);
bool status_set_has(const struct status_set *set, long status);
/** "200,204,301-399". @param buf STATUS_SET_STRLEN bytes. @return @p buf. */
const char *status_set_format(const struct status_set *set, char *buf);

#endif
