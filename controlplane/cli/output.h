/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

/**
 * @file
 * How answers are shown: aligned tables for people, the API's own JSON for programs.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli.h"

#define OUTPUT_MAX_COLUMNS 24

/** A table under construction. */
struct output_table {
	size_t nb_columns;
	size_t nb_rows; /**< The heading included. */
	char **cells;	/**< nb_rows × nb_columns, owned. */
};

/** @param headings NULL-terminated; one that begins with '>' makes its column right-aligned. */
void output_table_begin(struct output_table *table, const char *const *headings);

/** More columns, behind those; before any cell. */
void output_table_widen(struct output_table *table, const char *const *headings);

/** The next cell, left to right, top to bottom. */
void output_cell(struct output_table *table, const char *text);
/** A counter: 1234 → "1234", 12345 → "12.3k"; null → "-". */
void output_cell_count(struct output_table *table, const json_t *value);
/** Bytes: 1536 → "1.50 KiB"; null → "-". */
void output_cell_bytes(struct output_table *table, const json_t *value);
/** An integer in full; null → "-". */
void output_cell_integer(struct output_table *table, const json_t *value);
/** A share: 0.25 → "25.00 %"; null → "-". */
void output_cell_share(struct output_table *table, const json_t *value);

/** Print, without spaces at the end of lines, and free. @param nothing What to say if there is no row. */
void output_table_end(struct output_table *table, const char *nothing);

/** Room for output_count(). */
#define OUTPUT_COUNT_SIZE 32

/** 1234 → "1234", 12345 → "12.3k". @return @p out. */
const char *output_count(double value, char out[OUTPUT_COUNT_SIZE]);

/** Columns on the screen of UTF-8 text, near enough. */
size_t output_width(const char *text);

/** Room for output_duration(). */
#define OUTPUT_DURATION_SIZE 32

/** Three digits or so: "312 µs", "4.1 ms", "12.0 s", "3 min 20 s", "2 h 5 min", "4 d 3 h". @return @p out. */
const char *output_duration(json_int_t us, char out[OUTPUT_DURATION_SIZE]);

/** A string member, or "-" if it is null or absent. Valid as long as @p object. */
const char *output_string(const json_t *object, const char *name);

/** For programs: pretty JSON, or YAML if cli->yaml. */
void output_print(const struct cli *cli, const json_t *json, FILE *out);
/** The API's answer on stdout, as it came. */
void output_answer(const struct cli *cli, const json_t *json);

/** Escape sequence that begins (bold red, yellow, green) or ends (0) a colour; "" without colours. */
const char *output_color(const struct cli *cli, char color);

#endif
