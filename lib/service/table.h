/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SERVICE_TABLE_H
#define SERVICE_TABLE_H

/**
 * @file
 * A reference-counted Maglev table, anchor or resolved: immutable once it is
 * filled, shared by the versions of a service that have the same. Private to
 * lib/service.
 *
 * Thread safety: references are the control thread's; slots may be read by any.
 */

#include <stdalign.h>
#include <stdint.h>

#include "base/compiler.h"

struct table {
	uint32_t nb_refs;
	uint32_t nb_slots;
	alignas(CACHE_LINE) uint16_t slots[];
};

/** With one reference and undefined slots. @return NULL: out of memory. */
struct table *table_create(uint32_t nb_slots);
/** One reference more. @return @p table. */
struct table *table_get(struct table *table);
/** One reference fewer; the last frees. Legal with NULL. */
void table_put(struct table *table);

#endif
