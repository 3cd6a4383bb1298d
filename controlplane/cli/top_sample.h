/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_TOP_SAMPLE_H
#define CLI_TOP_SAMPLE_H

/**
 * @file
 * Samples of a view of guideway top: values now, and rates against the sample before.
 */

#include <math.h>
#include <stdbool.h>

#include "top_view.h"

/** Of a value that is not known. */
#define TOP_UNKNOWN ((double)NAN)

/** A value. */
struct top_cell {
	char *text;	/**< TOP_TEXT: owned; else NULL. */
	double counter; /**< As counted, or TOP_UNKNOWN. */
	double value;	/**< To show and to sort by: of counters, the rate; or TOP_UNKNOWN. */
};

/** An entry. */
struct top_row {
	struct top_cell cells[TOP_MAX_COLUMNS];
};

struct top_sample {
	const struct top_view *view;
	double at_s; /**< By the monotonic clock. */
	struct top_row *rows;
	size_t nb_rows;
};

/** @param list Entries of the API. Out of memory ends the process. */
void top_sample_make(struct top_sample *sample, const struct top_view *view, const json_t *list,
		double at_s);

/** An entry with this key and, of all else, these drops: the main lcore among the workers. */
void top_sample_add_main(struct top_sample *sample, const json_t *main_lcore);

/** Rates: against an earlier sample of the same view; an entry that was not there has none. */
void top_sample_compare(struct top_sample *sample, const struct top_sample *before);

/** Sum of a column over all rows that know it; TOP_UNKNOWN: none does. */
double top_sample_sum(const struct top_sample *sample, size_t column);

void top_sample_free(struct top_sample *sample);

/** Which rows are shown, and in which order. */
struct top_order {
	size_t column;
	bool ascending;
	const char *filter; /**< Rows with this in a text, whatever its case; "": all. */
};

/**
 * @param rows Filled: room for all rows of the sample. Unknown values stand last.
 * @return how many are shown.
 */
size_t top_sample_order(const struct top_sample *sample, const struct top_order *order,
		const struct top_row **rows);

#endif
