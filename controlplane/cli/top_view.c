/* SPDX-License-Identifier: BSD-3-Clause */
#include "top_view.h"

/* clang-format off */
const struct top_view top_views[TOP_NB_VIEWS] = {
	[TOP_SERVICES] = {
		"service", 's', "/v1/services", "services", 2, 4, 8, {
			{ "SERVICE", "id", "id", TOP_TEXT },
			{ "NAME", "name", "name", TOP_TEXT },
			{ "BACKENDS", "backends", "backends_total", TOP_WHOLE },
			{ "USABLE", "usable", "backends_usable", TOP_WHOLE },
			{ "PACKETS/S", "packets_per_s", "packets", TOP_RATE },
			{ "BITS/S", "bits_per_s", "bytes", TOP_BITS },
			{ "NEW FLOWS/S", "new_flows_per_s", "new_flows", TOP_RATE },
			{ "ACTIVE", "active_flows", "active_flows", TOP_NUMBER },
		},
	},
	[TOP_BACKENDS] = {
		"backend", 'b', "/v1/backends", "backends", 2, 5, 10, {
			{ "SERVICE", "service", "service_name", TOP_TEXT },
			{ "BACKEND", "address", "address", TOP_TEXT },
			{ "STATE", "state", "state", TOP_TEXT },
			{ "HEALTH", "health", "health", TOP_TEXT },
			{ "WEIGHT", "weight", "weight", TOP_WHOLE },
			{ "PACKETS/S", "packets_per_s", "packets", TOP_RATE },
			{ "BITS/S", "bits_per_s", "bytes", TOP_BITS },
			{ "NEW FLOWS/S", "new_flows_per_s", "new_flows", TOP_RATE },
			{ "ACTIVE", "active_flows", "active_flows", TOP_NUMBER },
			{ "SLOTS", "share", "share", TOP_SHARE },
		},
	},
	[TOP_WORKERS] = {
		"worker", 'w', NULL, "workers", 1, 0, 12, {
			{ "WORKER", "worker", "worker", TOP_TEXT },
			{ "LOAD", "load", "load", TOP_SHARE },
			{ "RX/S", "rx_packets_per_s", "rx_packets", TOP_RATE },
			{ "BITS/S", "rx_bits_per_s", "rx_bytes", TOP_BITS },
			{ "FORWARDED/S", "forwarded_per_s", "forwarded", TOP_RATE },
			{ "NEW FLOWS/S", "new_flows_per_s", "flow_misses_syn", TOP_RATE },
			{ "MIDWAY/S", "midway_per_s", "flow_misses_other", TOP_RATE },
			{ "MOVED/S", "flows_moved_per_s", "flows_moved", TOP_RATE },
			{ "DROPS/S", "drops_per_s", "drops", TOP_SUM },
			{ "PUNTED/S", "punted_per_s", "punted", TOP_RATE },
			{ "IPV4 FLOWS", "flows4", "flows4", TOP_NUMBER },
			{ "IPV6 FLOWS", "flows6", "flows6", TOP_NUMBER },
		},
	},
};
/* clang-format on */
