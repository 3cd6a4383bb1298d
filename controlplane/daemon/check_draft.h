/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_CHECK_DRAFT_H
#define DAEMON_CHECK_DRAFT_H

/**
 * @file
 * What the files that read one check share: check_read.c, and for the keys of some types
 * check_read_http.c and check_read_tls.c. Functions that read a key complain by themselves
 * and are given a struct draft.
 *
 * Thread safety: the main thread only.
 */

#include <stdbool.h>

#include "controlplane/daemon/fields.h"
#include "controlplane/health/check.h"

/** Longest text of all headers. */
#define DRAFT_HEADERS_MAX 2048

/** A check while it is read: the texts of its exchange are those of the document. */
struct draft {
	struct check check;
	struct exchange exchange;
	bool verify;
	const char *ca_file; /**< NULL: none is given. */
	char headers[DRAFT_HEADERS_MAX];
	char sent[EXCHANGE_TEXT_MAX];	  /**< What send-hex says. */
	char expected[EXCHANGE_TEXT_MAX]; /**< What expect-hex says. */
};

/** 1…EXCHANGE_TEXT_MAX bytes; else complained, and @p out is as it was. */
void check_read_bytes(struct reader *r, const struct node *node, struct check_text *out);
/** As check_read_bytes(), of visible letters; of @p letters only, unless NULL. */
void check_read_visible(struct reader *r, const struct node *node, const char *letters,
		struct check_text *out);

void check_read_method(struct reader *r, const struct node *node, void *out);
void check_read_path(struct reader *r, const struct node *node, void *out);
void check_read_host(struct reader *r, const struct node *node, void *out);
void check_read_status(struct reader *r, const struct node *node, void *out);
void check_read_headers(struct reader *r, const struct node *node, void *out);
void check_read_keep_alive(struct reader *r, const struct node *node, void *out);

void check_read_server_name(struct reader *r, const struct node *node, void *out);
void check_read_verify(struct reader *r, const struct node *node, void *out);
void check_read_ca_file(struct reader *r, const struct node *node, void *out);
void check_read_alpn(struct reader *r, const struct node *node, void *out);
void check_read_min_days(struct reader *r, const struct node *node, void *out);

/** When all keys are read: load whom a check by TLS trusts. exchange.trust is a reference. */
void check_read_trust(struct reader *r, const struct node *node, struct draft *draft);

#endif
