/* SPDX-License-Identifier: BSD-3-Clause */
#include <locale.h>
#include <math.h>
#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "output.h"
#include "top_screen.h"
#include "topics.h"

#define DEFAULT_INTERVAL_S 1.
#define MIN_INTERVAL_S 0.2
#define MAX_INTERVAL_S 60.
/* The screen waits for a daemon no longer than this, unless --timeout says so: keys wait, too. */
#define PATIENCE_S 2
/* A view's first sample has no rates: the next one comes soon. */
#define SOON_S 0.5
/* How long a signal may have to wait. */
#define KEY_WAIT_MS 200

static volatile sig_atomic_t ended_by;

static void
end(int signal_nr)
{
	ended_by = signal_nr;
}

static void
catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	const struct sigaction action = { .sa_handler = end };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}

/* @return false: misused. */
static bool
parse_interval(const struct cli *cli, double *seconds)
{
	char *rest;

	*seconds = DEFAULT_INTERVAL_S;
	if (cli->interval == NULL)
		return true;
	*seconds = strtod(cli->interval, &rest);
	return cli->interval[0] != '\0' && *rest == '\0' && *seconds >= MIN_INTERVAL_S &&
			*seconds <= MAX_INTERVAL_S;
}

/* @return TOP_NB_VIEWS: there is none called so. */
static size_t
view_named(const char *name)
{
	size_t v = 0;

	while (v < TOP_NB_VIEWS && strcmp(top_views[v].name, name) != 0)
		v++;
	return v;
}

/* Once, for programs. */

static json_t *
json_of(const struct top_view *view, const struct top_row *row)
{
	json_t *json = json_object();

	for (size_t c = 0; c < view->nb_columns; c++) {
		const struct top_cell *cell = &row->cells[c];

		json_object_set_new(json, view->columns[c].name,
				cell->text != NULL		     ? json_string(cell->text)
						: isnan(cell->value) ? json_null()
								     : json_real(cell->value));
	}
	return json;
}

static void
print_json(const struct cli *cli, const struct top_view *view, const struct top_row *const *rows,
		size_t nb, double seconds)
{
	json_t *list = json_array();
	json_t *json = json_pack(
			"{s:s, s:f, s:o}", "view", view->name, "interval_s", seconds, "rows", list);

	for (size_t r = 0; r < nb; r++)
		json_array_append_new(list, json_of(view, rows[r]));
	output_answer(cli, json);
	json_decref(json);
}

static void
print_table(const struct top_view *view, const struct top_row *const *rows, size_t nb)
{
	const char *headings[TOP_MAX_COLUMNS + 1] = { NULL };
	char texts[TOP_MAX_COLUMNS][32], text[TOP_TEXT_SIZE];
	struct output_table table;

	for (size_t c = 0; c < view->nb_columns; c++) {
		snprintf(texts[c], sizeof(texts[c]), "%s%s",
				view->columns[c].kind == TOP_TEXT ? "" : ">",
				view->columns[c].heading);
		headings[c] = texts[c];
	}
	output_table_begin(&table, headings);
	for (size_t r = 0; r < nb; r++)
		for (size_t c = 0; c < view->nb_columns; c++)
			output_cell(&table,
					top_text(view->columns[c].kind, &rows[r]->cells[c], text));
	output_table_end(&table, "nothing is there");
}

static int
run_once(const struct cli *cli, struct top_screen *screen)
{
	const struct top_view *view = &top_views[screen->view];
	struct top_order order = screen->orders[screen->view];
	const struct timespec pause = { .tv_sec = (time_t)screen->interval_s,
		.tv_nsec = (long)(fmod(screen->interval_s, 1) * 1e9) };
	struct top_data data = { 0 };
	const struct top_sample *sample;
	const struct top_row **rows;
	double at_s;
	int ret = top_data_take(&data, cli, view);

	if (ret == CLI_OK) {
		at_s = top_data_of(&data, view)->at_s;
		nanosleep(&pause, NULL);
		ret = top_data_take(&data, cli, view);
	}
	sample = top_data_of(&data, view);
	rows = calloc(sample->nb_rows + 1, sizeof(struct top_row *));
	if (ret == CLI_OK && rows != NULL) {
		size_t nb;

		order.filter = "";
		nb = top_sample_order(sample, &order, rows);
		if (cli->json)
			print_json(cli, view, rows, nb, sample->at_s - at_s);
		else
			print_table(view, rows, nb);
	}
	free(rows);
	top_data_free(&data);
	return ret;
}

/* Live. */

/* What went wrong must not be written across the screen: its first line goes to @p error. */
static int
take(struct top_data *data, const struct cli *cli, const struct top_view *view, char **error)
{
	FILE *err = stderr, *text;
	size_t len;
	int ret;

	free(*error);
	*error = NULL;
	text = open_memstream(error, &len);
	if (text == NULL)
		return CLI_UNHEALTHY;
	stderr = text;
	ret = top_data_take(data, cli, view);
	stderr = err;
	fclose(text);
	(*error)[strcspn(*error, "\n")] = '\0';
	if (ret == CLI_OK) {
		free(*error);
		*error = NULL;
	}
	return ret;
}

/* Nobody is there any more to press keys: the terminal was closed. */
static bool
is_gone(void)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&in, 1, 0) > 0 && (in.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

/*
 * When to look again after a look that began at @p begin_s: what takes long is done no more than
 * half of the time, so that keys have their turn, and so has the daemon.
 */
static double
next_look_s(double begin_s, double interval_s)
{
	double now_s = top_now_s();

	return fmax(begin_s + interval_s, now_s + (now_s - begin_s));
}

/* Every key that was pressed, up to one with a wish. Waits for the first. */
static enum top_wish
take_keys(struct top_screen *screen, int wait_ms)
{
	enum top_wish wish = TOP_STAY;
	int key;

	timeout(wait_ms);
	if ((key = getch()) == ERR)
		return is_gone() ? TOP_QUIT : TOP_STAY;
	timeout(0);
	while ((wish = top_screen_key(screen, key)) == TOP_STAY && (key = getch()) != ERR)
		;
	return wish;
}

static void
run_live(const struct cli *cli, struct top_screen *screen)
{
	struct top_data data = { 0 };
	enum top_wish wish = TOP_STAY;
	char *error = NULL;
	double next_s = 0;

	while (wish != TOP_QUIT && ended_by == 0) {
		const struct top_view *view = &top_views[screen->view];
		double now_s = top_now_s();

		if (now_s >= next_s) {
			bool first = top_data_of(&data, view)->view == NULL;

			take(&data, cli, view, &error);
			screen->error = error;
			next_s = next_look_s(now_s,
					first ? fmin(SOON_S, screen->interval_s)
					      : screen->interval_s);
		}
		top_screen_draw(screen, &data, cli->color && has_colors());
		wish = take_keys(screen,
				(int)fmax(1, fmin(KEY_WAIT_MS, (next_s - top_now_s()) * 1e3)));
		if (wish == TOP_SAMPLE)
			next_s = 0;
	}
	free(error);
	top_data_free(&data);
}

static int
run_on_terminal(struct cli *cli, struct top_screen *screen)
{
	SCREEN *terminal;

	if (!(cli->given & OPTION_TIMEOUT))
		cli->timeout_s = PATIENCE_S;
	setlocale(LC_ALL, "");
	terminal = newterm(NULL, stdout, stdin);
	if (terminal == NULL)
		return client_error(cli, CLI_USAGE, "usage",
				"top knows nothing of this terminal; TERM names it",
				"guideway top --once prints the rates once");
	catch_signals();
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	set_escdelay(50);
	curs_set(0);
	if (cli->color && has_colors()) {
		start_color();
		use_default_colors();
	}
	run_live(cli, screen);
	endwin();
	delscreen(terminal);
	if (ended_by != 0 && ended_by != SIGINT) {
		signal(ended_by, SIG_DFL);
		raise(ended_by);
	}
	return CLI_OK;
}

int
cmd_top(const struct cli *cli)
{
	const char *name = cli->nb_words > 0   ? cli->words[0]
			: cli->service != NULL ? "backend"
					       : "service";
	struct top_screen screen;
	struct cli live = *cli;
	double interval_s;

	if (view_named(name) == TOP_NB_VIEWS)
		return client_error(cli, CLI_USAGE, "usage", "top takes service, backend or worker",
				"guideway top alone begins with services");
	if (cli->service != NULL && view_named(name) != TOP_BACKENDS)
		return client_error(cli, CLI_USAGE, "usage", "top shows backends of a --service",
				"guideway top backend --service SERVICE");
	if (!parse_interval(cli, &interval_s))
		return client_error(
				cli, CLI_USAGE, "usage", "--interval takes 0.2..60 seconds", "");
	top_screen_init(&screen, view_named(name), interval_s);
	if ((cli->given & OPTION_ONCE) || cli->json)
		return run_once(cli, &screen);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return client_error(cli, CLI_USAGE, "usage", "top needs a terminal",
				"guideway top --once prints the rates once, with -o json for "
				"programs");
	return run_on_terminal(&live, &screen);
}
