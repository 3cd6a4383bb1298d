/* SPDX-License-Identifier: BSD-3-Clause */
#include "top_screen.h"

#include <ctype.h>
#include <math.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"

/* Title, sums, filter or error, headings; keys below. */
#define LINES_ABOVE 4
#define LINES_BELOW 1
#define LINE_SIZE 1024
/* Longer names are cut. */
#define MAX_TEXT 40
/* Room for rates, so that columns stay where they are while values change. */
#define MIN_NUMBER 7
#define GAP 2

#define COLOR_ERROR 1

#define KEY_ESCAPE 27
#define KEY_DELETE 127
#define CTRL_H 8

void
top_screen_init(struct top_screen *screen, size_t view, double interval_s)
{
	*screen = (struct top_screen){ .view = view, .interval_s = interval_s };
	for (size_t v = 0; v < TOP_NB_VIEWS; v++) {
		screen->orders[v].column = top_views[v].sort;
		screen->orders[v].ascending =
				top_views[v].columns[top_views[v].sort].kind == TOP_TEXT;
	}
}

/* Add a text, cut or filled up to so many columns. */
static void
put(char *line, const char *text, size_t columns, bool right)
{
	size_t len = strlen(line), has = output_width(text);

	if (right && has < columns)
		len += (size_t)snprintf(
				line + len, LINE_SIZE - len, "%*s", (int)(columns - has), "");
	for (size_t nb = 0; *text != '\0' && len < LINE_SIZE - 1; text++) {
		nb += ((unsigned char)*text & 0xc0) != 0x80;
		if (nb > columns)
			break;
		line[len++] = *text;
	}
	line[len] = '\0';
	if (!right && has < columns)
		snprintf(line + len, LINE_SIZE - len, "%*s", (int)(columns - has), "");
}

static void
draw_line(int y, const char *text)
{
	char line[LINE_SIZE] = "";

	put(line, text, (size_t)COLS, false);
	mvaddstr(y, 0, line);
}

/* How wide each column is: as all its rows need it, so that scrolling moves none. */
static void
measure(const struct top_view *view, const struct top_row *const *rows, size_t nb, size_t *widths)
{
	for (size_t c = 0; c < view->nb_columns; c++) {
		bool is_text = view->columns[c].kind == TOP_TEXT;

		/* One more than the heading: the mark of the order. */
		widths[c] = strlen(view->columns[c].heading) + 1;
		if (!is_text && widths[c] < MIN_NUMBER)
			widths[c] = MIN_NUMBER;
		for (size_t r = 0; is_text && r < nb; r++) {
			size_t width = output_width(rows[r]->cells[c].text);

			if (width > widths[c])
				widths[c] = width < MAX_TEXT ? width : MAX_TEXT;
		}
	}
}

static void
draw_headings(const struct top_view *view, const struct top_order *order, const size_t *widths)
{
	char line[LINE_SIZE] = "", heading[32];

	for (size_t c = 0; c < view->nb_columns; c++) {
		snprintf(heading, sizeof(heading), "%s%s", view->columns[c].heading,
				c != order->column		   ? ""
						: order->ascending ? "^"
								   : "v");
		put(line, heading, widths[c], view->columns[c].kind != TOP_TEXT);
		put(line, "", GAP, false);
	}
	attron(A_REVERSE);
	draw_line(LINES_ABOVE - 1, line);
	attroff(A_REVERSE);
}

static void
draw_row(int y, const struct top_view *view, const struct top_row *row, const size_t *widths)
{
	char line[LINE_SIZE] = "", text[TOP_TEXT_SIZE];

	for (size_t c = 0; c < view->nb_columns; c++) {
		enum top_kind kind = view->columns[c].kind;

		put(line, top_text(kind, &row->cells[c], text), widths[c], kind != TOP_TEXT);
		put(line, "", GAP, false);
	}
	draw_line(y, line);
}

/* "12.3k", of all workers; "-": not known. */
static const char *
sum(const struct top_data *data, size_t column, char out[OUTPUT_COUNT_SIZE])
{
	double value = data->workers.view != NULL ? top_sample_sum(&data->workers, column)
						  : TOP_UNKNOWN;

	return isnan(value) ? "-" : output_count(value, out);
}

static void
draw_sums(const struct top_data *data)
{
	char rx[OUTPUT_COUNT_SIZE], bits[OUTPUT_COUNT_SIZE], new[OUTPUT_COUNT_SIZE],
			drops[OUTPUT_COUNT_SIZE], flows4[OUTPUT_COUNT_SIZE],
			flows6[OUTPUT_COUNT_SIZE], line[LINE_SIZE];

	snprintf(line, sizeof(line),
			"%s packets/s  %s bits/s  %s new flows/s  %s drops/s  %s IPv4 flows  %s IPv6 flows",
			sum(data, TOP_WORKER_RX, rx), sum(data, TOP_WORKER_BITS, bits),
			sum(data, TOP_WORKER_NEW, new), sum(data, TOP_WORKER_DROPS, drops),
			sum(data, TOP_WORKER_FLOWS4, flows4), sum(data, TOP_WORKER_FLOWS6, flows6));
	draw_line(1, line);
}

/* The error of the last sample, or the filter. */
static void
draw_note(const struct top_screen *screen, bool color)
{
	attr_t look = A_BOLD | (color ? COLOR_PAIR(COLOR_ERROR) : 0);
	char line[LINE_SIZE];

	if (screen->error != NULL) {
		attron(look);
		draw_line(2, screen->error);
		attroff(look);
	} else if (screen->editing || screen->filter[0] != '\0') {
		snprintf(line, sizeof(line), "filter: %s%s", screen->filter,
				screen->editing ? "_" : "");
		draw_line(2, line);
	}
}

static void
draw_title(const struct top_screen *screen, size_t nb, size_t nb_all)
{
	char line[LINE_SIZE];

	snprintf(line, sizeof(line), "guideway top: %zu of %zu %s%s, every %g s", nb, nb_all,
			top_views[screen->view].name, nb_all == 1 ? "" : "s", screen->interval_s);
	attron(A_BOLD);
	draw_line(0, line);
	attroff(A_BOLD);
}

/* One at least: then a screen without room shows it. */
static size_t
lines_of_rows(void)
{
	return LINES > LINES_ABOVE + LINES_BELOW ? (size_t)(LINES - LINES_ABOVE - LINES_BELOW) : 1;
}

void
top_screen_draw(struct top_screen *screen, const struct top_data *data, bool color)
{
	const struct top_view *view = &top_views[screen->view];
	const struct top_sample *sample = top_data_of(data, view);
	struct top_order order = screen->orders[screen->view];
	const struct top_row **rows = calloc(sample->nb_rows + 1, sizeof(struct top_row *));
	size_t room = lines_of_rows(), widths[TOP_MAX_COLUMNS], nb;

	if (rows == NULL)
		return;
	if (color)
		init_pair(COLOR_ERROR, COLOR_RED, -1);
	order.filter = screen->filter;
	nb = top_sample_order(sample, &order, rows);
	if (screen->offset + room > nb)
		screen->offset = nb > room ? nb - room : 0;
	measure(view, rows, nb, widths);
	erase();
	draw_title(screen, nb, sample->nb_rows);
	draw_sums(data);
	draw_note(screen, color);
	draw_headings(view, &order, widths);
	for (size_t r = 0; r < room && screen->offset + r < nb; r++)
		draw_row(LINES_ABOVE + (int)r, view, rows[screen->offset + r], widths);
	draw_line(LINES - 1,
			"s b w Tab: view  < >: column  r: reverse  /: filter  "
			"arrows: scroll  q: quit");
	refresh();
	free(rows);
}

static void
edit(struct top_screen *screen, int key)
{
	size_t len = strlen(screen->filter);

	if (key == '\n' || key == '\r' || key == KEY_ENTER) {
		screen->editing = false;
	} else if (key == KEY_ESCAPE) {
		screen->editing = false;
		screen->filter[0] = '\0';
	} else if (key == KEY_BACKSPACE || key == KEY_DELETE || key == CTRL_H) {
		screen->filter[len > 0 ? len - 1 : 0] = '\0';
	} else if (key < 256 && isprint(key) && len < TOP_FILTER_SIZE - 1) {
		screen->filter[len] = (char)key;
		screen->filter[len + 1] = '\0';
	}
}

static void
scroll_by(struct top_screen *screen, long nb)
{
	/* top_screen_draw() knows where the end is. */
	screen->offset = nb < 0 && (size_t)-nb > screen->offset ? 0 : screen->offset + (size_t)nb;
}

static bool
scrolled(struct top_screen *screen, int key)
{
	long page = (long)lines_of_rows();

	if (key == KEY_UP || key == 'k')
		scroll_by(screen, -1);
	else if (key == KEY_DOWN || key == 'j')
		scroll_by(screen, 1);
	else if (key == KEY_PPAGE)
		scroll_by(screen, -page);
	else if (key == KEY_NPAGE || key == ' ')
		scroll_by(screen, page);
	else if (key == KEY_HOME)
		screen->offset = 0;
	else if (key == KEY_END)
		screen->offset = SIZE_MAX / 2;
	else
		return false;
	return true;
}

static enum top_wish
choose_view(struct top_screen *screen, int key)
{
	size_t view = key == '\t' ? (screen->view + 1) % TOP_NB_VIEWS : TOP_NB_VIEWS;

	for (size_t v = 0; v < TOP_NB_VIEWS; v++)
		if (top_views[v].key == key)
			view = v;
	if (view == TOP_NB_VIEWS || view == screen->view)
		return TOP_STAY;
	screen->view = view;
	screen->offset = 0;
	return TOP_SAMPLE;
}

enum top_wish
top_screen_key(struct top_screen *screen, int key)
{
	struct top_order *order = &screen->orders[screen->view];
	size_t nb_columns = top_views[screen->view].nb_columns;

	if (screen->editing) {
		edit(screen, key);
		screen->offset = 0;
	} else if (key == 'q') {
		return TOP_QUIT;
	} else if (key == '<' || key == '>') {
		order->column = (order->column + (key == '<' ? nb_columns - 1 : 1)) % nb_columns;
		order->ascending = top_views[screen->view].columns[order->column].kind == TOP_TEXT;
	} else if (key == 'r') {
		order->ascending = !order->ascending;
	} else if (key == '/') {
		screen->editing = true;
	} else if (!scrolled(screen, key)) {
		return choose_view(screen, key);
	}
	return TOP_STAY;
}
