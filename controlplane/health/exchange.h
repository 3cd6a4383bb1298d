/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef HEALTH_EXCHANGE_H
#define HEALTH_EXCHANGE_H

/**
 * @file
 * What a check says to a backend, and what the answer must be: all of a check that is the
 * same for every backend of a service, and long. Checks share it, so that ten thousand of
 * them stay small.
 *
 * One is filled in as a draft, whose texts are borrowed, and then made: the copy is
 * immutable and reference-counted.
 *
 * Thread safety: references are counted atomically; the rest of what was made is immutable.
 */

#include <stdatomic.h>
#include <stdint.h>

#include "controlplane/health/status_set.h"

/** Longest text of one kind, but for TEXT_HEADERS. */
#define EXCHANGE_TEXT_MAX 255

struct trust;

/** The texts of an exchange. */
enum exchange_text {
	TEXT_SEND,	  /**< Bytes to send once connected. */
	TEXT_EXPECT,	  /**< Found anywhere in the answer; empty: nothing is looked for. */
	TEXT_METHOD,	  /**< HTTP; empty: GET. */
	TEXT_PATH,	  /**< HTTP; empty: "/". */
	TEXT_HOST,	  /**< HTTP: the Host header; empty: the address. */
	TEXT_HEADERS,	  /**< HTTP: more of them, "Name: value" each, each ended by NUL. */
	TEXT_SERVER_NAME, /**< TLS: sent (SNI), and what the certificate is for; empty: the address. */
	TEXT_ALPN,	  /**< CHECK_TLS: the protocol that the server must choose; empty: none. */
	NB_EXCHANGE_TEXTS
};

/** Bytes that may hold NUL. */
struct check_text {
	const char *bytes;
	uint16_t len;
};

struct exchange {
	atomic_uint refs; /**< Of what was made; a draft has none. */
	/* HTTP. */
	struct status_set statuses; /**< That are good. */
	uint8_t keep_alive;	    /**< 0 or 1: the connection serves the next attempts too. */
	/* TLS. */
	uint16_t min_days;   /**< For so many days the certificate must be valid yet. */
	struct trust *trust; /**< By whose word; NULL: no TLS. */
	struct check_text texts[NB_EXCHANGE_TEXTS];
};

/** A draft with every default: nothing is sent or looked for. */
void exchange_init(struct exchange *draft);

/** @return one reference to a copy of @p draft and its texts; NULL: out of memory. */
struct exchange *exchange_make(const struct exchange *draft);

/** What exchange_init() drafts, as made. It lives for ever: needs no reference, takes any. */
struct exchange *exchange_default(void);

struct exchange *exchange_ref(struct exchange *x);
void exchange_unref(struct exchange *x); /**< Legal with NULL. */

/** Total order by content; 0: they say and want the same. */
int exchange_compare(const struct exchange *a, const struct exchange *b);

#endif
