/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_COMPLETE_NAMES_H
#define CLI_COMPLETE_NAMES_H

/**
 * @file
 * Names that only the daemon knows, for complete.h.
 */

#include <stddef.h>

#include "cli.h"

/** What is offered to a shell. */
struct offer {
	const char *typed; /**< The word as far as it is typed. */
	size_t head;	   /**< So much of it stands before the value: "--service=". */
};

/** Offer a value if it begins as was typed. @param text What it is. */
void offer_one(const struct offer *offer, const char *value, const char *text);

/**
 * Offer what a placeholder of command.h stands for: SERVICE, ADDRESS, REVISION, FILE, PATH; of
 * others nothing. Waits a second for the daemon at most, and says nothing if there is none.
 * @param cli Whom to ask; the ADDRESSes are those of its service, if it has one.
 */
void offer_named(struct cli *cli, const struct offer *offer, const char *placeholder, size_t len);

#endif
