/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_TOP_SCREEN_H
#define CLI_TOP_SCREEN_H

/**
 * @file
 * The screen of guideway top: what it shows, and what keys do to it.
 */

#include "top_data.h"

#define TOP_FILTER_SIZE 64

/** What the user has chosen. */
struct top_screen {
	size_t view;			       /**< enum top_view_nr. */
	struct top_order orders[TOP_NB_VIEWS]; /**< Of each view; filters are left NULL. */
	char filter[TOP_FILTER_SIZE];
	bool editing;  /**< Keys go to the filter. */
	size_t offset; /**< Rows above the first that is shown. */
	double interval_s;
	const char *error; /**< Of the last sample; NULL: it was taken. */
};

/** @param view Shown first. */
void top_screen_init(struct top_screen *screen, size_t view, double interval_s);

/** Draw all of it with ncurses, which has been begun. */
void top_screen_draw(struct top_screen *screen, const struct top_data *data, bool color);

/** What a key asks the caller for. */
enum top_wish {
	TOP_STAY,
	TOP_SAMPLE, /**< Another view: it has no values yet. */
	TOP_QUIT,
};

/** @param key Of getch(). */
enum top_wish top_screen_key(struct top_screen *screen, int key);

#endif
