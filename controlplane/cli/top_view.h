/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_TOP_VIEW_H
#define CLI_TOP_VIEW_H

/**
 * @file
 * What guideway top can show: tables with their columns, and where in an answer of the API
 * each value stands. Constant.
 */

#include <stddef.h>

#include <jansson.h>

#define TOP_MAX_COLUMNS 12

/** What a column shows of a member. */
enum top_kind {
	TOP_TEXT,
	TOP_NUMBER, /**< As it is. */
	TOP_WHOLE,  /**< That, to the last digit. */
	TOP_SHARE,  /**< 0…1, in percent. */
	TOP_RATE,   /**< A counter's growth a second. */
	TOP_BITS,   /**< Eight times that of a counter of bytes. */
	TOP_SUM,    /**< Growth a second of all counters of an object together. */
};

struct top_column {
	const char *heading;
	const char *name;   /**< With -o json. */
	const char *member; /**< Of an entry. */
	enum top_kind kind;
};

struct top_view {
	const char *name; /**< "service": as stats calls it. */
	char key;	  /**< That chooses it. */
	const char *path; /**< NULL: it is part of the answer with all workers. */
	const char *list; /**< The member with the entries. */
	size_t nb_keys;	  /**< So many columns from the left tell entries apart; text. */
	size_t sort;	  /**< The column that it is sorted by at first. */
	size_t nb_columns;
	struct top_column columns[TOP_MAX_COLUMNS];
};

/** Workers and the main lcore come with every sample: the heading sums them up. */
#define TOP_WORKERS_PATH "/v1/stats?services=false"

enum top_view_nr {
	TOP_SERVICES,
	TOP_BACKENDS,
	TOP_WORKERS,
	TOP_NB_VIEWS,
};

extern const struct top_view top_views[TOP_NB_VIEWS];

/** Columns of TOP_WORKERS that the heading sums up. */
enum top_worker_column {
	TOP_WORKER_LOAD = 1,
	TOP_WORKER_RX,
	TOP_WORKER_BITS,
	TOP_WORKER_FORWARDED,
	TOP_WORKER_NEW,
	TOP_WORKER_MIDWAY,
	TOP_WORKER_MOVED,
	TOP_WORKER_DROPS,
	TOP_WORKER_PUNTED,
	TOP_WORKER_FLOWS4,
	TOP_WORKER_FLOWS6,
};

#endif
