/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/health/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const type_names[NB_CHECK_TYPES] = {
	[CHECK_TCP] = "tcp",
	[CHECK_HTTP] = "http",
	[CHECK_TLS] = "tls",
	[CHECK_HTTPS] = "https",
	[CHECK_UDP] = "udp",
	[CHECK_AGENT] = "agent",
	[CHECK_ICMP] = "icmp",
};

void
check_init(struct check *check, enum check_type type)
{
	memset(check, 0, sizeof(*check));
	check->type = (uint8_t)type;
	check->interval_ms = CHECK_DEFAULT_INTERVAL_MS;
	check->timeout_ms = CHECK_DEFAULT_TIMEOUT_MS;
	check->rise = CHECK_DEFAULT_RISE;
	check->fall = CHECK_DEFAULT_FALL;
	check->jitter_percent = CHECK_DEFAULT_JITTER;
	check->exchange = exchange_default();
}

int
check_compare(const struct check *a, const struct check *b)
{
	int order = memcmp(a, b, offsetof(struct check, exchange));

	return order != 0 ? order : exchange_compare(a->exchange, b->exchange);
}

const char *
check_type_name(uint8_t type)
{
	return type > 0 && type < NB_CHECK_TYPES ? type_names[type] : "?";
}

int
check_type_parse(const char *text, uint8_t *type)
{
	for (uint8_t i = 1; i < NB_CHECK_TYPES; i++) {
		if (strcmp(text, type_names[i]) == 0) {
			*type = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int
compare(const void *a, const void *b)
{
	return check_compare(a, b);
}

struct check_set *
check_set_make(const struct check *list, uint32_t nb)
{
	struct check_set *set = malloc(sizeof(*set) + nb * sizeof(*list));
	uint32_t kept = 0;

	if (set == NULL)
		return NULL;
	atomic_init(&set->refs, 1);
	if (nb > 0)
		memcpy(set->list, list, nb * sizeof(*list));
	qsort(set->list, nb, sizeof(*list), compare);
	for (uint32_t i = 0; i < nb; i++) {
		if (i > 0 && check_compare(&set->list[kept - 1], &set->list[i]) == 0)
			continue;
		set->list[kept] = set->list[i];
		exchange_ref(set->list[kept++].exchange);
	}
	set->nb = kept;
	return set;
}

struct check_set *
check_set_ref(struct check_set *set)
{
	atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
	return set;
}

void
check_set_unref(struct check_set *set)
{
	if (set == NULL || atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (uint32_t i = 0; i < set->nb; i++)
		exchange_unref(set->list[i].exchange);
	free(set);
}

uint32_t
check_set_find(const struct check_set *set, const struct check *check)
{
	const struct check *found = bsearch(check, set->list, set->nb, sizeof(*check), compare);

	return (uint32_t)(found - set->list);
}

/** The first check whose address is not less than, or if @p beyond greater than, @p addr. */
static uint32_t
first_from(const struct check_set *set, const struct ip_addr *addr, bool beyond)
{
	uint32_t low = 0, high = set->nb;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = memcmp(&set->list[middle].addr, addr, sizeof(*addr));

		if (order < 0 || (beyond && order == 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t
check_set_of_addr(const struct check_set *set, const struct ip_addr *addr, uint32_t *nb)
{
	uint32_t first = first_from(set, addr, false);

	*nb = first_from(set, addr, true) - first;
	return first;
}
