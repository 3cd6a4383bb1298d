/* SPDX-License-Identifier: BSD-3-Clause */
#include "pipeline_plot.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void
plot_stages(FILE *gnuplot, const struct pipeline_run *run)
{
	fprintf(gnuplot,
			"set title 'by stage (min)'\n"
			"set style data histograms\nset style fill solid 0.6\nset boxwidth 0.8\n"
			"set ylabel 'TSC cycles a packet'\nset yrange [0:*]\nunset key\n"
			"plot '-' using 2:xtic(1)\n");
	for (unsigned int s = 0; s < NB_PIPELINE_STAGES; s++)
		fprintf(gnuplot, "%s %.2f\n", pipeline_stage_names[s], run->stages[s][0]);
	fprintf(gnuplot, "e\n");
}

static void
plot_rounds(FILE *gnuplot, const struct pipeline_run *run)
{
	fprintf(gnuplot,
			"set title 'whole pipeline, rounds in order of their cost'\n"
			"set xlabel 'share of rounds in %%'\nset xtics auto\nset yrange [0:*]\n"
			"plot '-' using 1:2 with lines linewidth 2\n");
	for (uint32_t i = 0; i < run->nb_cycles; i++)
		fprintf(gnuplot, "%.3f %.2f\n", 100.0 * (i + 1) / run->nb_cycles, run->cycles[i]);
	fprintf(gnuplot, "e\n");
}

/* @return gnuplot's standard input, or NULL. @p pid its process. */
static FILE *
gnuplot_start(pid_t *pid)
{
	int ends[2];

	if (pipe(ends) < 0)
		return NULL;
	*pid = fork();
	if (*pid == 0) {
		dup2(ends[0], STDIN_FILENO);
		close(ends[0]);
		close(ends[1]);
		execlp("gnuplot", "gnuplot", (char *)NULL);
		_exit(127);
	}
	close(ends[0]);
	if (*pid < 0) {
		close(ends[1]);
		return NULL;
	}
	return fdopen(ends[1], "w");
}

/* gnuplot's strings: a quote is doubled. */
static void
put_quoted(FILE *out, const char *text)
{
	fputc('\'', out);
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			fputc('\'', out);
		fputc(*text, out);
	}
	fputc('\'', out);
}

bool
pipeline_plot(const struct pipeline_run *run, const char *path)
{
	int status = 0;
	pid_t pid = -1;
	FILE *gnuplot;

	signal(SIGPIPE, SIG_IGN); /* Of a gnuplot that is not there. */
	gnuplot = gnuplot_start(&pid);

	if (gnuplot != NULL) {
		fprintf(gnuplot, "set terminal svg size 1000,420\nset output ");
		put_quoted(gnuplot, path);
		fprintf(gnuplot, "\nset multiplot layout 1,2\n");
		plot_stages(gnuplot, run);
		plot_rounds(gnuplot, run);
		fprintf(gnuplot, "unset multiplot\nunset output\n");
		fclose(gnuplot);
	}
	if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
			WEXITSTATUS(status) == 0)
		return true;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		fprintf(stderr, "guideway-bench: --plot: no gnuplot; apt install gnuplot-nox\n");
	else
		fprintf(stderr, "guideway-bench: --plot: gnuplot could not write %s\n", path);
	return false;
}
