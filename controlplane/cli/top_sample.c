/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Entries come in the same order from sample to sample, but for the few that were added or
 * removed: looking for an entry from where the last one was found takes one step.
 */
#include "top_sample.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *
must(void *memory)
{
	if (memory == NULL)
		abort();
	return memory;
}

/* Numbers that tell entries apart are text, too. */
static char *
text_of(const json_t *value)
{
	char number[32];

	if (json_is_string(value))
		return must(strdup(json_string_value(value)));
	if (!json_is_integer(value))
		return must(strdup("-"));
	snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	return must(strdup(number));
}

static double
sum_of(json_t *object)
{
	const char *name;
	double sum = 0;
	json_t *count;

	json_object_foreach(object, name, count) sum += json_number_value(count);
	return sum;
}

static void
cell_make(struct top_cell *cell, const struct top_column *column, const json_t *entry)
{
	json_t *value = json_object_get(entry, column->member);

	*cell = (struct top_cell){ .counter = TOP_UNKNOWN, .value = TOP_UNKNOWN };
	if (column->kind == TOP_TEXT)
		cell->text = text_of(value);
	else if (column->kind == TOP_SUM && json_is_object(value))
		cell->counter = sum_of(value);
	else if (json_is_number(value))
		cell->counter = json_number_value(value);
	if (column->kind == TOP_NUMBER || column->kind == TOP_WHOLE || column->kind == TOP_SHARE)
		cell->value = cell->counter;
}

static void
row_make(struct top_row *row, const struct top_view *view, const json_t *entry)
{
	memset(row, 0, sizeof(*row));
	for (size_t c = 0; c < view->nb_columns; c++)
		cell_make(&row->cells[c], &view->columns[c], entry);
}

void
top_sample_make(struct top_sample *sample, const struct top_view *view, const json_t *list,
		double at_s)
{
	json_t *entry;
	size_t i;

	*sample = (struct top_sample){
		.view = view, .at_s = at_s, .nb_rows = json_array_size(list)
	};
	sample->rows = must(calloc(sample->nb_rows + 1, sizeof(*sample->rows)));
	json_array_foreach(list, i, entry) row_make(&sample->rows[i], view, entry);
}

void
top_sample_add_main(struct top_sample *sample, const json_t *main_lcore)
{
	struct top_row *row;

	if (!json_is_object(main_lcore))
		return;
	sample->rows = must(realloc(sample->rows, (sample->nb_rows + 1) * sizeof(*sample->rows)));
	row = &sample->rows[sample->nb_rows++];
	row_make(row, sample->view, main_lcore);
	free(row->cells[0].text);
	row->cells[0].text = must(strdup("main"));
}

static bool
is_same(const struct top_view *view, const struct top_row *a, const struct top_row *b)
{
	for (size_t c = 0; c < view->nb_keys; c++)
		if (strcmp(a->cells[c].text, b->cells[c].text) != 0)
			return false;
	return true;
}

static void
row_compare(const struct top_view *view, struct top_row *row, const struct top_row *before,
		double seconds)
{
	for (size_t c = 0; c < view->nb_columns; c++) {
		enum top_kind kind = view->columns[c].kind;
		double growth = row->cells[c].counter - before->cells[c].counter;

		if (kind != TOP_RATE && kind != TOP_BITS && kind != TOP_SUM)
			continue;
		/* Counters start again with the dataplane. */
		row->cells[c].value = growth >= 0 ? growth / seconds * (kind == TOP_BITS ? 8 : 1)
						  : TOP_UNKNOWN;
	}
}

void
top_sample_compare(struct top_sample *sample, const struct top_sample *before)
{
	double seconds = sample->at_s - before->at_s;
	size_t at = 0;

	if (before->view != sample->view || seconds <= 0)
		return;
	for (size_t i = 0; i < sample->nb_rows; i++) {
		for (size_t nb = 0; nb < before->nb_rows; nb++) {
			const struct top_row *old = &before->rows[(at + nb) % before->nb_rows];

			if (!is_same(sample->view, &sample->rows[i], old))
				continue;
			row_compare(sample->view, &sample->rows[i], old, seconds);
			at = (size_t)(old - before->rows) + 1;
			break;
		}
	}
}

double
top_sample_sum(const struct top_sample *sample, size_t column)
{
	double sum = TOP_UNKNOWN;

	for (size_t i = 0; i < sample->nb_rows; i++) {
		double value = sample->rows[i].cells[column].value;

		if (!isnan(value))
			sum = isnan(sum) ? value : sum + value;
	}
	return sum;
}

void
top_sample_free(struct top_sample *sample)
{
	for (size_t i = 0; i < sample->nb_rows; i++)
		for (size_t c = 0; c < TOP_MAX_COLUMNS; c++)
			free(sample->rows[i].cells[c].text);
	free(sample->rows);
	*sample = (struct top_sample){ 0 };
}

static bool
matches(const struct top_row *row, const char *filter)
{
	if (filter[0] == '\0')
		return true;
	for (size_t c = 0; c < TOP_MAX_COLUMNS; c++)
		if (row->cells[c].text != NULL && strcasestr(row->cells[c].text, filter) != NULL)
			return true;
	return false;
}

static int
order_values(double a, double b, bool ascending)
{
	if (isnan(a) || isnan(b))
		return isnan(a) - isnan(b);
	if (a == b)
		return 0;
	return (a < b) == ascending ? -1 : 1;
}

static int
order_rows(const void *left, const void *right, void *context)
{
	const struct top_row *const *a = left, *const *b = right;
	const struct top_order *order = context;
	const struct top_cell *x = &(*a)->cells[order->column], *y = &(*b)->cells[order->column];
	int ret;

	if (x->text != NULL)
		ret = order->ascending ? strverscmp(x->text, y->text)
				       : strverscmp(y->text, x->text);
	else
		ret = order_values(x->value, y->value, order->ascending);
	/* Equal ones as the API has them: rows stand one behind the other in memory. */
	return ret != 0 ? ret : (*a > *b) - (*a < *b);
}

size_t
top_sample_order(const struct top_sample *sample, const struct top_order *order,
		const struct top_row **rows)
{
	struct top_order by = *order;
	size_t nb = 0;

	for (size_t i = 0; i < sample->nb_rows; i++)
		if (matches(&sample->rows[i], order->filter))
			rows[nb++] = &sample->rows[i];
	qsort_r(rows, nb, sizeof(*rows), order_rows, &by);
	return nb;
}
