/* SPDX-License-Identifier: BSD-3-Clause */
#include "top_data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "client.h"
#include "output.h"
#include "query.h"

double
top_now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The new sample takes the place of the old one. */
static void
replace(struct top_sample *old, struct top_sample *new)
{
	top_sample_compare(new, old);
	top_sample_free(old);
	*old = *new;
}

static int
take_workers(struct top_data *data, const struct cli *cli)
{
	json_t *answer;
	struct top_sample sample;
	int ret = query_get(cli, client_path(TOP_WORKERS_PATH), &answer);

	if (ret != CLI_OK) {
		top_sample_free(&data->workers);
		return ret;
	}
	top_sample_make(&sample, &top_views[TOP_WORKERS], json_object_get(answer, "workers"),
			top_now_s());
	top_sample_add_main(&sample, json_object_get(answer, "main"));
	replace(&data->workers, &sample);
	json_decref(answer);
	return CLI_OK;
}

static int
take_list(struct top_data *data, const struct cli *cli, const struct top_view *view)
{
	char *path = client_path(view->path);
	struct top_sample sample;
	json_t *answer;
	int ret;

	if (view == &top_views[TOP_BACKENDS] && cli->service != NULL)
		path = client_path_query(path, "service", cli->service);
	ret = query_get(cli, path, &answer);
	if (ret != CLI_OK)
		return ret;
	top_sample_make(&sample, view, json_object_get(answer, view->list), top_now_s());
	replace(&data->list, &sample);
	json_decref(answer);
	return CLI_OK;
}

int
top_data_take(struct top_data *data, const struct cli *cli, const struct top_view *view)
{
	int ret = take_workers(data, cli);

	if (view->path != NULL && (ret == CLI_OK || ret == CLI_CONNECT)) {
		int ret_list = take_list(data, cli, view);

		if (ret == CLI_OK)
			ret = ret_list;
	}
	return ret;
}

const struct top_sample *
top_data_of(const struct top_data *data, const struct top_view *view)
{
	static const struct top_sample none;

	if (data->workers.view == view)
		return &data->workers;
	return data->list.view == view ? &data->list : &none;
}

void
top_data_free(struct top_data *data)
{
	top_sample_free(&data->workers);
	top_sample_free(&data->list);
}

const char *
top_text(enum top_kind kind, const struct top_cell *cell, char out[TOP_TEXT_SIZE])
{
	if (kind == TOP_TEXT)
		return cell->text;
	if (isnan(cell->value))
		return "-";
	if (kind == TOP_SHARE) {
		snprintf(out, TOP_TEXT_SIZE, "%.2f %%", 100 * cell->value);
		return out;
	}
	if (kind == TOP_WHOLE) {
		snprintf(out, TOP_TEXT_SIZE, "%.0f", cell->value);
		return out;
	}
	return output_count(cell->value, out);
}
