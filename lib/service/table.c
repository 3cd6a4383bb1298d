/* SPDX-License-Identifier: BSD-3-Clause */
#include "service/table.h"

#include "service/aligned.h"

struct table *
table_create(uint32_t nb_slots)
{
	struct table *table = lines_alloc(sizeof(*table) + nb_slots * sizeof(table->slots[0]));

	if (table == NULL)
		return NULL;
	table->nb_refs = 1;
	table->nb_slots = nb_slots;
	return table;
}

struct table *
table_get(struct table *table)
{
	table->nb_refs++;
	return table;
}

void
table_put(struct table *table)
{
	if (table != NULL && --table->nb_refs == 0)
		free(table);
}
