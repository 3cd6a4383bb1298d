/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_METRICS_TEXT_H
#define DAEMON_METRICS_TEXT_H

/**
 * @file
 * Prometheus' text exposition format 0.0.4, written to a stream.
 *
 * A family is its heading and then all its samples; names are given once, and no sample
 * stands outside of a family.
 *
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/ and, of names,
 * https://prometheus.io/docs/practices/naming/.
 *
 * Thread safety: none; a writer belongs to whoever has begun it.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct metrics {
	FILE *out;
	const char *family; /**< Of the samples that follow. */
};

/** Labels as text, `a="1",b="2"`; longer ones are cut at a label's end. */
#define METRICS_LABELS_SIZE 256
struct metrics_labels {
	char text[METRICS_LABELS_SIZE];
};

/** Add a label; whatever @p value holds, the text stays well-formed. */
void metrics_label(struct metrics_labels *labels, const char *name, const char *value);

/** @param name, help Constant texts. */
void metrics_counter(struct metrics *m, const char *name, const char *help);
void metrics_gauge(struct metrics *m, const char *name, const char *help);

/**
 * A whole family: a histogram without labels.
 * @param name, help Constant texts.
 * @param bounds @p nb upper bounds, rising.
 * @param counts nb + 1: what lies at or below each bound, and not below the one before; the last: above all.
 * @param sum Of all that was counted, in the unit of the name.
 */
void metrics_histogram(struct metrics *m, const char *name, const char *help, const double *bounds,
		const uint64_t *counts, size_t nb, double sum);

/** @param labels NULL: none. */
void metrics_integer(struct metrics *m, const struct metrics_labels *labels, uint64_t value);
void metrics_real(struct metrics *m, const struct metrics_labels *labels, double value);
/** As metrics_integer(), with one label more behind @p labels. */
void metrics_labelled(struct metrics *m, const struct metrics_labels *labels, const char *name,
		const char *label, uint64_t value);

#endif
