/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_MARKUP_H
#define CLI_MARKUP_H

/**
 * @file
 * How descriptions of commands are written: each line is a paragraph, or, beginning with
 * "- TERM: ", an entry of a list. What is meant literally stands between backquotes.
 */

#include <stdbool.h>
#include <stddef.h>

/** A paragraph, or an entry of a list. */
struct markup_block {
	const char *term; /**< NULL: a paragraph. */
	size_t term_len;
	const char *text;
	size_t len;
};

/** @param at Where to go on; moved. @return false: there is no more. */
bool markup_next(const char **at, struct markup_block *block);

/** The longest term of the list that begins at @p at. */
size_t markup_term_width(const char *at);

#endif
