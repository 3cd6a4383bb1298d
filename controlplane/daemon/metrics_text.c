/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/metrics_text.h"

#include <inttypes.h>
#include <string.h>

/** Append @p c as a label's value has it. @return how much room it took; 0: there is none. */
static size_t
put_escaped(char *to, size_t room, char c)
{
	const char *escaped = c == '\\' ? "\\\\" : c == '"' ? "\\\"" : c == '\n' ? "\\n" : NULL;
	size_t len = escaped != NULL ? 2 : 1;

	if (len > room)
		return 0;
	if (escaped != NULL)
		memcpy(to, escaped, len);
	else
		*to = c;
	return len;
}

void
metrics_label(struct metrics_labels *labels, const char *name, const char *value)
{
	size_t at = strlen(labels->text), begin = at;
	size_t end = sizeof(labels->text) - 2; /* A quote and the NUL. */

	if (at + strlen(name) + 4 > end)
		return;
	at += (size_t)snprintf(labels->text + at, end - at, "%s%s=\"", at > 0 ? "," : "", name);
	for (; *value != '\0'; value++) {
		size_t len = put_escaped(labels->text + at, end - at, *value);

		if (len == 0) {
			labels->text[begin] = '\0'; /* Rather none than another's. */
			return;
		}
		at += len;
	}
	labels->text[at] = '"';
	labels->text[at + 1] = '\0';
}

static void
family(struct metrics *m, const char *name, const char *type, const char *help)
{
	m->family = name;
	fprintf(m->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void
metrics_counter(struct metrics *m, const char *name, const char *help)
{
	family(m, name, "counter", help);
}

void
metrics_gauge(struct metrics *m, const char *name, const char *help)
{
	family(m, name, "gauge", help);
}

static void
begin(struct metrics *m, const struct metrics_labels *labels)
{
	fputs(m->family, m->out);
	if (labels != NULL && labels->text[0] != '\0')
		fprintf(m->out, "{%s}", labels->text);
}

void
metrics_integer(struct metrics *m, const struct metrics_labels *labels, uint64_t value)
{
	begin(m, labels);
	fprintf(m->out, " %" PRIu64 "\n", value);
}

void
metrics_real(struct metrics *m, const struct metrics_labels *labels, double value)
{
	begin(m, labels);
	fprintf(m->out, " %.9g\n", value);
}

void
metrics_labelled(struct metrics *m, const struct metrics_labels *labels, const char *name,
		const char *label, uint64_t value)
{
	struct metrics_labels more = { .text = "" };

	if (labels != NULL)
		more = *labels;
	metrics_label(&more, name, label);
	metrics_integer(m, &more, value);
}

void
metrics_histogram(struct metrics *m, const char *name, const char *help, const double *bounds,
		const uint64_t *counts, size_t nb, double sum)
{
	uint64_t below = 0;

	family(m, name, "histogram", help);
	for (size_t i = 0; i < nb; i++) {
		below += counts[i];
		fprintf(m->out, "%s_bucket{le=\"%.9g\"} %" PRIu64 "\n", name, bounds[i], below);
	}
	below += counts[nb];
	fprintf(m->out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, below);
	fprintf(m->out, "%s_sum %.9g\n%s_count %" PRIu64 "\n", name, sum, name, below);
}
