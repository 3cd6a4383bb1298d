/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Families of workers come from the list in channel/stats.h, reasons of drops from
 * base/drop.h, so that a new counter there is a metric here.
 */
#include "channel/stats.h"

#include "controlplane/daemon/metrics.h"

static struct metrics_labels
label_of_number(const char *name, uint32_t number)
{
	struct metrics_labels labels = { .text = "" };
	char text[16];

	snprintf(text, sizeof(text), "%u", number);
	metrics_label(&labels, name, text);
	return labels;
}

#define FAMILY_COUNTER(m, name, help) metrics_counter(m, "guideway_worker_" name "_total", help)
#define FAMILY_GAUGE(m, name, help) metrics_gauge(m, "guideway_worker_" name, help)

static void
of_workers(const void *region, struct metrics *m)
{
	const struct stats_header *h = region;

#define OF_WORKERS(field, name, kind, meaning)                                          \
	FAMILY_##kind(m, name, "Of a worker: " meaning ".");                            \
	for (uint32_t i = 0; i < h->nb_workers; i++) {                                  \
		struct metrics_labels labels = label_of_number("worker", i);            \
		metrics_integer(m, &labels, stat_get(&stats_worker(region, i)->field)); \
	}
	WORKER_STATS(OF_WORKERS)
#undef OF_WORKERS
}

static void
of_loads(const struct counters *counters, uint32_t nb_workers, struct metrics *m)
{
	metrics_gauge(m, "guideway_worker_load_ratio",
			"Share of the last second in which a worker had packets.");
	for (uint32_t i = 0; i < nb_workers; i++) {
		struct metrics_labels labels = label_of_number("worker", i);

		if (counters_load(counters, i) >= 0)
			metrics_real(m, &labels, counters_load(counters, i));
	}
}

/** @param labels Of the lcore. */
static void
of_drops(const stat_counter *drops, const struct metrics_labels *labels, struct metrics *m)
{
	for (int i = 1; i < NB_DROP_REASONS; i++)
		metrics_labelled(m, labels, "reason", drop_reason_name((enum drop_reason)i),
				stat_get(&drops[i]));
}

static void
of_all_drops(const void *region, struct metrics *m)
{
	const struct stats_header *h = region;
	struct metrics_labels labels = { .text = "" };

	metrics_counter(m, "guideway_drops_total",
			"Packets dropped, by reason (doc/man/guideway.1) and lcore.");
	for (uint32_t i = 0; i < h->nb_workers; i++) {
		labels = label_of_number("lcore", i);
		of_drops(stats_worker(region, i)->drops, &labels, m);
	}
	labels.text[0] = '\0';
	metrics_label(&labels, "lcore", "main");
	of_drops(h->main.drops, &labels, m);
}

/** One counter or gauge of struct port_stats. */
struct port_metric {
	const char *name;
	const char *help;
	size_t offset;
	bool is_gauge;
};

#define PORT_METRIC(field, name, help, is_gauge)                                          \
	{                                                                                 \
		"guideway_port_" name, help, offsetof(struct port_stats, field), is_gauge \
	}

static const struct port_metric port_metrics[] = {
	PORT_METRIC(rx_packets, "rx_packets_total", "Packets that a port received.", false),
	PORT_METRIC(tx_packets, "tx_packets_total", "Packets that a port sent.", false),
	PORT_METRIC(rx_bytes, "rx_bytes_total", "Bytes that a port received.", false),
	PORT_METRIC(tx_bytes, "tx_bytes_total", "Bytes that a port sent.", false),
	PORT_METRIC(rx_missed, "rx_missed_total", "Packets lost because no worker took them.",
			false),
	PORT_METRIC(rx_errors, "rx_errors_total", "Damaged packets.", false),
	PORT_METRIC(tx_errors, "tx_errors_total", "Packets that could not be sent.", false),
	PORT_METRIC(rx_nombuf, "rx_nombuf_total", "Packets lost because no buffer was free.",
			false),
	PORT_METRIC(link_up, "link_up", "1: the link is up.", true),
	PORT_METRIC(mtu, "mtu_bytes", "The MTU.", true),
};

static void
of_port_metric(const struct stats_header *h, const struct port_metric *metric, struct metrics *m)
{
	if (metric->is_gauge)
		metrics_gauge(m, metric->name, metric->help);
	else
		metrics_counter(m, metric->name, metric->help);
	for (uint32_t i = 0; i < h->nb_ports && i < STATS_MAX_PORTS; i++) {
		const void *value = (const char *)&h->ports[i] + metric->offset;
		const stat_counter *counter = value;
		char name[sizeof(h->ports[i].name) + 1] = "";
		struct metrics_labels labels = { .text = "" };

		snprintf(name, sizeof(name), "%.*s", (int)sizeof(h->ports[i].name),
				h->ports[i].name);
		metrics_label(&labels, "port", name);
		metrics_integer(m, &labels, stat_get(counter));
	}
}

static void
of_main(const struct stats_header *h, struct metrics *m)
{
	const struct main_stats *s = &h->main;

	metrics_counter(m, "guideway_neighbour_requests_answered_total",
			"ARP and ND requests answered.");
	metrics_integer(m, NULL, stat_get(&s->neighbour_requests_answered));
	metrics_counter(m, "guideway_neighbour_probes_sent_total", "ARP and ND requests sent.");
	metrics_integer(m, NULL, stat_get(&s->neighbour_probes_sent));
	metrics_counter(m, "guideway_neighbours_resolved_total", "Next hops whose MAC was found.");
	metrics_integer(m, NULL, stat_get(&s->neighbours_resolved));
	metrics_counter(m, "guideway_neighbours_failed_total", "Next hops that did not answer.");
	metrics_integer(m, NULL, stat_get(&s->neighbours_failed));
	metrics_counter(m, "guideway_echo_answered_total", "Echo requests answered.");
	metrics_integer(m, NULL, stat_get(&s->echo_answered));
	metrics_counter(m, "guideway_punted_total", "Packets given to the kernel.");
	metrics_integer(m, NULL, stat_get(&s->punted_to_kernel));
	metrics_counter(m, "guideway_from_kernel_total", "Packets of the kernel sent.");
	metrics_integer(m, NULL, stat_get(&s->from_kernel));
	metrics_counter(m, "guideway_resets_sent_total",
			"RSTs for flows of backends that are down (on-down: reset).");
	metrics_integer(m, NULL, stat_get(&h->resets_sent));
	metrics_counter(m, "guideway_unreachables_total",
			"ICMP errors about packets that we encapsulated.");
	metrics_integer(m, NULL, stat_get(&h->unreachables));
}

/** An older dataplane does not tell. */
static void
of_pool(const struct stats_header *h, struct metrics *m)
{
	uint64_t capacity = stat_get(&h->packet_buffers);

	if (capacity == 0)
		return;
	metrics_gauge(m, "guideway_packet_buffers", "Buffers of packets that there are.");
	metrics_integer(m, NULL, capacity);
	metrics_gauge(m, "guideway_packet_buffers_used",
			"Buffers in use; those that wait in receive queues, too.");
	metrics_integer(m, NULL, stat_get(&h->packet_buffers_used));
}

void
metrics_of_dataplane(struct daemon *d, struct metrics *m)
{
	const struct counters *counters = reconcile_counters(d->reconcile);
	const struct stats_header *h = counters_region(counters);

	if (h == NULL)
		return;
	metrics_gauge(m, "guideway_dataplane_generation", "Generation in force on every worker.");
	metrics_integer(m, NULL, stat_get(&h->generation));
	metrics_gauge(m, "guideway_dataplane_start_time_seconds", "Unix time of its start.");
	metrics_integer(m, NULL, h->start_time_s);
	metrics_gauge(m, "guideway_dataplane_tsc_hertz",
			"Cycles a second, as counters of cycles count them.");
	metrics_integer(m, NULL, h->tsc_hz);
	of_pool(h, m);
	of_workers(h, m);
	of_loads(counters, h->nb_workers, m);
	of_all_drops(h, m);
	of_main(h, m);
	for (size_t i = 0; i < ARRAY_LEN(port_metrics); i++)
		of_port_metric(h, &port_metrics[i], m);
}
