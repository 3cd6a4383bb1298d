/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/health/exchange.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/health/trust.h"

#define DEFAULT_STATUS_MIN 200
#define DEFAULT_STATUS_MAX 399

/* References to it are not counted: it is not freed. */
static struct exchange nothing;
static pthread_once_t nothing_once = PTHREAD_ONCE_INIT;

void
exchange_init(struct exchange *draft)
{
	memset(draft, 0, sizeof(*draft));
	status_set_add(&draft->statuses, DEFAULT_STATUS_MIN, DEFAULT_STATUS_MAX);
}

static void
make_nothing(void)
{
	exchange_init(&nothing);
}

struct exchange *
exchange_default(void)
{
	pthread_once(&nothing_once, make_nothing);
	return &nothing;
}

struct exchange *
exchange_make(const struct exchange *draft)
{
	struct exchange *x;
	size_t len = 0;
	char *pool;

	if (exchange_compare(draft, exchange_default()) == 0)
		return &nothing;
	for (unsigned int i = 0; i < NB_EXCHANGE_TEXTS; i++)
		len += draft->texts[i].len;
	x = malloc(sizeof(*x) + len);
	if (x == NULL)
		return NULL;
	atomic_init(&x->refs, 1);
	x->statuses = draft->statuses;
	x->keep_alive = draft->keep_alive;
	x->min_days = draft->min_days;
	x->trust = trust_ref(draft->trust);
	pool = (char *)(x + 1);
	for (unsigned int i = 0; i < NB_EXCHANGE_TEXTS; i++) {
		struct check_text text = draft->texts[i];

		if (text.len > 0)
			memcpy(pool, text.bytes, text.len);
		x->texts[i] = (struct check_text){ .bytes = pool, .len = text.len };
		pool += text.len;
	}
	return x;
}

struct exchange *
exchange_ref(struct exchange *x)
{
	if (x != &nothing)
		atomic_fetch_add_explicit(&x->refs, 1, memory_order_relaxed);
	return x;
}

void
exchange_unref(struct exchange *x)
{
	if (x == NULL || x == &nothing)
		return;
	if (atomic_fetch_sub_explicit(&x->refs, 1, memory_order_acq_rel) != 1)
		return;
	trust_unref(x->trust);
	free(x);
}

static int
text_compare(const struct check_text *a, const struct check_text *b)
{
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return a->len == 0 ? 0 : memcmp(a->bytes, b->bytes, a->len);
}

int
exchange_compare(const struct exchange *a, const struct exchange *b)
{
	int order;

	if (a == b)
		return 0;
	order = memcmp(&a->statuses, &b->statuses, sizeof(a->statuses));
	if (order == 0)
		order = a->keep_alive - b->keep_alive;
	if (order == 0)
		order = a->min_days - b->min_days;
	if (order == 0)
		order = trust_compare(a->trust, b->trust);
	for (unsigned int i = 0; order == 0 && i < NB_EXCHANGE_TEXTS; i++)
		order = text_compare(&a->texts[i], &b->texts[i]);
	return order;
}
