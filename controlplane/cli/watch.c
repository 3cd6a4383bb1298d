/* SPDX-License-Identifier: BSD-3-Clause */
#include "watch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "client.h"

#define DEFAULT_S 2.
#define MIN_S 0.1
#define MAX_S 3600.

/* No cursor, no wrapping of long lines, an empty screen; and back, below what is shown. */
#define BEGIN "\033[?25l\033[?7l\033[H\033[2J"
#define END "\033[?7h\033[?25h\033[999;1H\n"

/* Lines of the screen that the answer does not get: the heading, an empty one, the cursor's. */
#define OTHER_LINES 3
/* A terminal that does not tell its height. */
#define DEFAULT_LINES 24

static void
restore_and_die(int signal_nr)
{
	static const char end[] = END;
	ssize_t written = write(STDOUT_FILENO, end, sizeof(end) - 1);

	(void)written; /* The terminal may be gone. */
	signal(signal_nr, SIG_DFL);
	raise(signal_nr);
}

static void
wake(int signal_nr)
{
	(void)signal_nr; /* The sleep ends, and the next answer fits the new size. */
}

static void
catch_signals(void)
{
	static const int deadly[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction action = { .sa_handler = restore_and_die };

	for (size_t i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		sigaction(deadly[i], &action, NULL);
	action.sa_handler = wake;
	sigaction(SIGWINCH, &action, NULL);
}

static int
lines_of_screen(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0)
		return DEFAULT_LINES;
	return size.ws_row;
}

/* As much as there is room for; what stood there before is overwritten, so that nothing flickers. */
static void
show_frame(const char *text, int nb_lines)
{
	int nb = 0;

	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		if (nb == nb_lines - 1 && strchr(text + len + (text[len] == '\n'), '\n') != NULL) {
			printf("…\033[K\n");
			break;
		}
		printf("%.*s\033[K\n", (int)len, text);
		text += len + (text[len] == '\n');
		nb++;
	}
	printf("\033[J");
}

static void
show_heading(const struct cli *cli, const struct cli_command *command, double seconds)
{
	char at[32];
	time_t now = time(NULL);

	strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
	if (cli == NULL) {
		printf("--- %s\n", at);
		return;
	}
	printf("\033[Hevery %g s: guideway %s", seconds, command->name);
	for (int i = 0; i < cli->nb_words; i++)
		printf(" %s", cli->words[i]);
	printf("  %s\033[K\n\033[K\n", at);
}

/* Errors are shown, too: in place of the answer. */
static int
run_on_screen(const struct cli *cli, const struct cli_command *command, double seconds)
{
	FILE *out = stdout, *err = stderr, *text;
	char *frame = NULL;
	size_t len = 0;
	int ret;

	text = open_memstream(&frame, &len);
	if (text == NULL)
		return client_error(cli, CLI_UNHEALTHY, "no_memory", "out of memory", "");
	stdout = stderr = text;
	ret = command->run(cli);
	stdout = out;
	stderr = err;
	fclose(text);
	show_heading(cli, command, seconds);
	show_frame(frame, lines_of_screen() - OTHER_LINES);
	free(frame);
	return ret;
}

static int
run_in_pipe(const struct cli *cli, const struct cli_command *command)
{
	if (cli->yaml)
		puts("---");
	else if (!cli->json)
		show_heading(NULL, command, 0);
	return command->run(cli);
}

static bool
heals(int ret)
{
	return ret == CLI_OK || ret == CLI_UNHEALTHY || ret == CLI_CONNECT || ret == CLI_TIMEOUT;
}

/* @return false: misused. */
static bool
parse_interval(const struct cli *cli, double *seconds)
{
	char *end;

	*seconds = DEFAULT_S;
	if (cli->watch == NULL)
		return true;
	*seconds = strtod(cli->watch, &end);
	return cli->watch[0] != '\0' && *end == '\0' && *seconds >= MIN_S && *seconds <= MAX_S;
}

int
watch_run(const struct cli *cli, const struct cli_command *command)
{
	bool on_screen = isatty(STDOUT_FILENO);
	struct timespec pause;
	double seconds;
	int ret;

	if (!parse_interval(cli, &seconds))
		return client_error(cli, CLI_USAGE, "usage", "--watch takes 0.1..3600 seconds",
				"--watch=5 looks every five");
	pause.tv_sec = (time_t)seconds;
	pause.tv_nsec = (long)((seconds - (double)pause.tv_sec) * 1e9);
	if (on_screen) {
		catch_signals();
		printf(BEGIN);
	}
	while (true) {
		ret = on_screen ? run_on_screen(cli, command, seconds) : run_in_pipe(cli, command);
		if (fflush(stdout) != 0 || ferror(stdout) || !heals(ret))
			break;
		nanosleep(&pause, NULL);
	}
	if (on_screen)
		printf(END);
	return ret;
}
