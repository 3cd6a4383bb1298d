/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Two sorted lists, what is wanted and what is, and a merge that stops after so many
 * calls of the kernel. A VIP that goes from one TAP to the other is added there before it
 * is removed here, so that at no moment nobody advertises it.
 */
#include "dataplane/advertise.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/advertise_tap.h"
#include "dataplane/log.h"
#include "service/snapshot.h"

/** Of addresses, between two looks at everything else: some hundred microseconds. */
#define CHANGES_AT_ONCE 32
/** Until what was refused is tried again. */
#define RETRY_MS 1000
#define NB_TAPS 2
_Static_assert(ADVERTISE_PREFERRED == 0 && ADVERTISE_SPARE == 1 && ADVERTISE_NONE == NB_TAPS,
		"a TAP each, and none");

struct vip {
	struct ip_addr addr;
	uint8_t taps; /* Bit enum service_advertise: it is an address of that TAP. */
};

struct vips {
	struct vip *at; /* Sorted by address, distinct. */
	uint32_t nb;
	uint32_t room;
};

struct advertise {
	struct advertise_tap taps[NB_TAPS];
	struct vips wanted;
	struct vips is;
	bool dirty; /* They may differ. */
	bool complained;
	uint64_t retry_ms; /* Not before; 0: at once. */
};

int
advertise_create(const struct dataplane_conf *conf, struct advertise **out)
{
	const char *names[NB_TAPS] = { conf->advertise_tap, conf->advertise_spare_tap };
	struct advertise *a;

	*out = NULL;
	if (names[0][0] == '\0')
		return 0;
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return -ENOMEM;
	for (int i = 0; i < NB_TAPS; i++)
		a->taps[i].fd = -1;
	for (int i = 0; i < NB_TAPS; i++) {
		int ret = names[i][0] != '\0' ? advertise_tap_open(&a->taps[i], names[i]) : 0;

		if (ret == 0)
			continue;
		LOG_CONTROL(ERR, "advertise: TAP %s: %s", names[i], strerror(-ret));
		advertise_destroy(a);
		return ret;
	}
	*out = a;
	return 0;
}

void
advertise_destroy(struct advertise *a)
{
	if (a == NULL)
		return;
	for (int i = 0; i < NB_TAPS; i++)
		advertise_tap_close(&a->taps[i]);
	free(a->wanted.at);
	free(a->is.at);
	free(a);
}

/* What is wanted. */

static int
compare(const void *a, const void *b)
{
	const struct vip *x = a, *y = b;

	return ip_addr_compare(&x->addr, &y->addr);
}

static bool
vips_grow(struct vips *vips, uint32_t room)
{
	struct vip *more;

	if (room <= vips->room)
		return true;
	more = realloc(vips->at, room * sizeof(*more));
	if (more == NULL)
		return false;
	vips->at = more;
	vips->room = room;
	return true;
}

/** One entry for each address: of all its services' wishes the best. */
static void
vips_merge(struct vips *vips)
{
	uint32_t kept = 0;

	qsort(vips->at, vips->nb, sizeof(*vips->at), compare);
	for (uint32_t i = 0; i < vips->nb; i++) {
		if (kept > 0 && compare(&vips->at[kept - 1], &vips->at[i]) == 0)
			vips->at[kept - 1].taps |= vips->at[i].taps;
		else
			vips->at[kept++] = vips->at[i];
	}
	vips->nb = kept;
	for (uint32_t i = 0; i < kept; i++)
		vips->at[i].taps &=
				(uint8_t)-vips->at[i].taps; /* Lowest bit: the most preferred. */
}

/** A wish for the spare TAP is one for nothing where there is none. */
static uint8_t
tap_of(const struct advertise *a, uint8_t wish)
{
	return wish < NB_TAPS && a->taps[wish].fd >= 0 ? (uint8_t)(1U << wish) : 0;
}

void
advertise_want(struct advertise *a, const struct snapshot *snapshot)
{
	if (a == NULL)
		return;
	if (!vips_grow(&a->wanted, snapshot->nb_services)) {
		LOG_CONTROL(ERR, "advertise: out of memory; VIPs stay as they are");
		return;
	}
	a->wanted.nb = 0;
	for (uint32_t i = 0; i < snapshot->nb_services; i++) {
		const struct snapshot_service *s = snapshot->services[i];

		if (s != NULL && !s->removed)
			a->wanted.at[a->wanted.nb++] = (struct vip){ .addr = s->key.vip,
				.taps = tap_of(a, s->advertise) };
	}
	vips_merge(&a->wanted);
	a->dirty = true;
	a->retry_ms = 0;
}

/* Making it so. */

static void
complain(struct advertise *a, const struct ip_addr *addr, int error)
{
	char text[IP_ADDR_STRLEN];

	if (!a->complained)
		LOG_CONTROL(ERR, "advertise: %s: %s; trying again every second",
				ip_addr_format(addr, text), strerror(-error));
	a->complained = true;
}

/** @return 0, or -errno of the first that failed. */
static int
change_vip(struct advertise *a, struct vip *vip, uint8_t wanted)
{
	int ret = 0;

	for (int i = 0; i < NB_TAPS && ret == 0; i++) {
		if (wanted & ~vip->taps & 1U << i)
			ret = advertise_tap_add(&a->taps[i], &vip->addr);
		if (ret == 0)
			vip->taps |= wanted & 1U << i;
	}
	for (int i = 0; i < NB_TAPS && ret == 0; i++) {
		if (vip->taps & ~wanted & 1U << i)
			ret = advertise_tap_remove(&a->taps[i], &vip->addr);
		if (ret == 0)
			vip->taps &= (uint8_t) ~(~wanted & 1U << i);
	}
	if (ret != 0)
		complain(a, &vip->addr, ret);
	return ret;
}

/** Give every wanted address an entry in what is; those of no TAP and no wish go. */
static bool
is_align(struct advertise *a)
{
	struct vips merged = { .nb = 0 };
	uint32_t i = 0, j = 0;

	if (!vips_grow(&merged, a->is.nb + a->wanted.nb + 1))
		return false;
	while (i < a->is.nb || j < a->wanted.nb) {
		int order = i == a->is.nb	    ? 1
				: j == a->wanted.nb ? -1
						    : compare(&a->is.at[i], &a->wanted.at[j]);

		if (order > 0) {
			merged.at[merged.nb++] = (struct vip){ .addr = a->wanted.at[j++].addr };
			continue;
		}
		j += order == 0;
		if (order == 0 || a->is.at[i].taps != 0)
			merged.at[merged.nb++] = a->is.at[i];
		i++;
	}
	free(a->is.at);
	a->is = merged;
	return true;
}

static uint8_t
wish_for(const struct advertise *a, const struct vip *vip, uint32_t *at)
{
	while (*at < a->wanted.nb && compare(&a->wanted.at[*at], vip) < 0)
		(*at)++;
	return *at < a->wanted.nb && compare(&a->wanted.at[*at], vip) == 0 ? a->wanted.at[*at].taps
									   : 0;
}

bool
advertise_step(struct advertise *a, uint64_t now_ms)
{
	uint32_t at = 0, nb_changes = 0;
	bool failed = false;

	if (a == NULL || !a->dirty || now_ms < a->retry_ms || !is_align(a))
		return false;
	for (uint32_t i = 0; i < a->is.nb; i++) {
		uint8_t wish = wish_for(a, &a->is.at[i], &at);

		if (a->is.at[i].taps == wish)
			continue;
		if (nb_changes++ == CHANGES_AT_ONCE)
			return true;
		failed |= change_vip(a, &a->is.at[i], wish) != 0;
	}
	a->retry_ms = failed ? now_ms + RETRY_MS : 0;
	a->dirty = failed;
	a->complained &= failed;
	return false;
}
