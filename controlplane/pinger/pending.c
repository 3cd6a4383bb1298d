/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/pinger/pending.h"

#include <stdlib.h>

struct pending {
	uint32_t next;
	struct pending_echo echoes[PENDING_MAX];
};

struct pending *
pending_create(uint32_t first)
{
	struct pending *p = calloc(1, sizeof(*p));

	if (p != NULL)
		p->next = first;
	return p;
}

void
pending_destroy(struct pending *p)
{
	free(p);
}

struct pending_echo *
pending_next(struct pending *p, uint64_t cookie)
{
	struct pending_echo *e = &p->echoes[p->next % PENDING_MAX];

	*e = (struct pending_echo){ .number = p->next++, .cookie = cookie };
	return e;
}

bool
pending_take(struct pending *p, enum echo_kind kind, const struct echo_heard *heard,
		struct pending_echo *out)
{
	struct pending_echo *e = &p->echoes[heard->number % PENDING_MAX];

	if (kind == ECHO_NOTHING || e->client == 0 || e->number != heard->number ||
			e->cookie != heard->cookie || !ip_addr_equal(&e->addr, &heard->addr))
		return false;
	*out = *e;
	e->client = 0;
	return true;
}
