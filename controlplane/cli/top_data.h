/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_TOP_DATA_H
#define CLI_TOP_DATA_H

/**
 * @file
 * What guideway top knows: the last sample of the workers and of the view that is shown, with
 * rates against those before. Nothing else is asked of the daemon.
 */

#include "cli.h"
#include "top_sample.h"

/** Zero: nothing is known yet. */
struct top_data {
	struct top_sample workers;
	struct top_sample list; /**< Of another view than the workers'. */
};

/**
 * Ask for what @p view needs. An error is shown on stderr; what was known stays, and of
 * workers nothing is known if there is no dataplane.
 * @return enum cli_exit.
 */
int top_data_take(struct top_data *data, const struct cli *cli, const struct top_view *view);

/** @return the sample of this view; without rows if it was not taken yet. */
const struct top_sample *top_data_of(const struct top_data *data, const struct top_view *view);

void top_data_free(struct top_data *data);

#define TOP_TEXT_SIZE 64

/** A value as people read it: "12.3k", "-". @return @p out, or the cell's own text. */
const char *top_text(enum top_kind kind, const struct top_cell *cell, char out[TOP_TEXT_SIZE]);

/** Seconds by the monotonic clock. */
double top_now_s(void);

#endif
