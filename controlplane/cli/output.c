/* SPDX-License-Identifier: BSD-3-Clause */
#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "as_yaml.h"

static char *
copy(const char *text)
{
	char *result = strdup(text);

	if (result == NULL)
		abort();
	return result;
}

/* Continuation bytes take none. */
size_t
output_width(const char *text)
{
	size_t columns = 0;

	for (; *text != '\0'; text++)
		columns += ((unsigned char)*text & 0xc0) != 0x80;
	return columns;
}

void
output_table_begin(struct output_table *table, const char *const *headings)
{
	memset(table, 0, sizeof(*table));
	output_table_widen(table, headings);
}

void
output_table_widen(struct output_table *table, const char *const *headings)
{
	for (size_t i = 0; headings[i] != NULL; i++) {
		table->nb_columns++;
		output_cell(table, headings[i]);
	}
}

void
output_cell(struct output_table *table, const char *text)
{
	char **cells = realloc(table->cells, (table->nb_rows + 1) * sizeof(*cells));

	if (cells == NULL)
		abort();
	table->cells = cells;
	/* While cells are added, nb_rows counts them; output_table_end() makes rows of them. */
	table->cells[table->nb_rows++] = copy(text);
}

/* Counts below it are shown to the last digit. */
#define COUNT_IN_FULL 10000

/* Three significant digits with the unit that fits. */
static void
scaled(char *out, size_t size, double value, double step, const char *const *units)
{
	size_t unit = 0;

	while (value >= step * 0.9995 && units[unit + 1] != NULL) {
		value /= step;
		unit++;
	}
	if (unit == 0)
		snprintf(out, size, "%.0f%s", value, units[0]);
	else
		snprintf(out, size, "%.*f%s",
				value < 9.995			? 2
						: value < 99.95 ? 1
								: 0,
				value, units[unit]);
}

const char *
output_count(double value, char out[OUTPUT_COUNT_SIZE])
{
	static const char *const units[] = { "", "k", "M", "G", "T", "P", NULL };

	if (value < COUNT_IN_FULL - 0.5)
		snprintf(out, OUTPUT_COUNT_SIZE, "%.0f", value);
	else
		scaled(out, OUTPUT_COUNT_SIZE, value, 1000, units);
	return out;
}

void
output_cell_count(struct output_table *table, const json_t *value)
{
	char text[OUTPUT_COUNT_SIZE];

	output_cell(table,
			json_is_number(value) ? output_count(json_number_value(value), text) : "-");
}

void
output_cell_bytes(struct output_table *table, const json_t *value)
{
	static const char *const units[] = { " B", " KiB", " MiB", " GiB", " TiB", " PiB", NULL };
	char text[32] = "-";

	if (json_is_number(value))
		scaled(text, sizeof(text), json_number_value(value), 1024, units);
	output_cell(table, text);
}

void
output_cell_integer(struct output_table *table, const json_t *value)
{
	char text[32] = "-";

	if (json_is_integer(value))
		snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	output_cell(table, text);
}

void
output_cell_share(struct output_table *table, const json_t *value)
{
	char text[32] = "-";

	if (json_is_number(value))
		snprintf(text, sizeof(text), "%.2f %%", 100 * json_number_value(value));
	output_cell(table, text);
}

static const char *
cell(const struct output_table *table, size_t row, size_t column)
{
	return table->cells[row * table->nb_columns + column];
}

/* A heading that begins with this makes its column right-aligned. */
#define RIGHT '>'
/* Spaces between columns. */
#define GAP 2

/*
 * Spaces that may turn out to stand at the end of a line are kept in *pending until text
 * follows them: a table has no trailing spaces.
 */
static void
print_cell(const char *text, size_t columns, bool right, size_t *pending)
{
	size_t padding = columns - output_width(text);

	if (right)
		*pending += padding;
	if (text[0] != '\0') {
		printf("%*s%s", (int)*pending, "", text);
		*pending = 0;
	}
	if (!right)
		*pending += padding;
	*pending += GAP;
}

static void
print(const struct output_table *table)
{
	size_t columns[OUTPUT_MAX_COLUMNS] = { 0 };
	bool right[OUTPUT_MAX_COLUMNS];

	for (size_t c = 0; c < table->nb_columns; c++) {
		char *heading = table->cells[c];

		right[c] = heading[0] == RIGHT;
		if (right[c])
			memmove(heading, heading + 1, strlen(heading));
		for (size_t r = 0; r < table->nb_rows; r++)
			if (output_width(cell(table, r, c)) > columns[c])
				columns[c] = output_width(cell(table, r, c));
	}
	for (size_t r = 0; r < table->nb_rows; r++) {
		size_t pending = 0;

		for (size_t c = 0; c < table->nb_columns; c++)
			print_cell(cell(table, r, c), columns[c], right[c], &pending);
		putchar('\n');
	}
}

void
output_table_end(struct output_table *table, const char *nothing)
{
	size_t nb_cells = table->nb_rows;

	table->nb_rows = nb_cells / table->nb_columns;
	if (table->nb_rows > 1)
		print(table);
	else
		printf("%s\n", nothing);
	for (size_t i = 0; i < nb_cells; i++)
		free(table->cells[i]);
	free(table->cells);
	table->cells = NULL;
}

const char *
output_duration(json_int_t us, char out[OUTPUT_DURATION_SIZE])
{
	long long s = us / 1000000;
	size_t size = OUTPUT_DURATION_SIZE;

	if (us < 1000)
		snprintf(out, size, "%lld µs", (long long)us);
	else if (us < 1000000)
		snprintf(out, size, "%.1f ms", (double)us / 1e3);
	else if (s < 60)
		snprintf(out, size, "%.1f s", (double)us / 1e6);
	else if (s < 3600)
		snprintf(out, size, "%lld min %lld s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, size, "%lld h %lld min", s / 3600, s / 60 % 60);
	else
		snprintf(out, size, "%lld d %lld h", s / 86400, s / 3600 % 24);
	return out;
}

const char *
output_string(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "-";
}

void
output_print(const struct cli *cli, const json_t *json, FILE *out)
{
	if (cli->yaml) {
		yaml_print(json, out);
		return;
	}
	json_dumpf(json, out, JSON_INDENT(2));
	fputc('\n', out);
}

void
output_answer(const struct cli *cli, const json_t *json)
{
	output_print(cli, json, stdout);
}

const char *
output_color(const struct cli *cli, char color)
{
	if (!cli->color)
		return "";
	switch (color) {
	case 'r':
		return "\033[1;31m";
	case 'y':
		return "\033[33m";
	case 'g':
		return "\033[32m";
	default:
		return "\033[0m";
	}
}
