/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_EAL_MODEL_H
#define TESTS_EAL_MODEL_H

/**
 * @file
 * What must become of a frame, one packet at a time, in the plainest way: a list of flows
 * by address, the desired state as lists, the table asked slot by slot. From the code under
 * test it takes the parser, flow_state.h and the resolved tables, which have tests of
 * their own.
 */

#include "rig.h"

#define MODEL_SERVICES 8
#define MODEL_BACKENDS 12
#define MODEL_FLOWS 2048
#define MODEL_FRAME 2048

struct model_backend {
	bool present;
	struct backend_conf conf;
};

struct model_service {
	bool present;
	struct service_conf conf;
	struct model_backend backends[MODEL_BACKENDS];
};

struct model_flow {
	struct service_key service;
	struct ip_addr client;
	uint16_t port_be;
	struct ip_addr backend;
	struct flow_value value;
};

struct model {
	struct model_service services[MODEL_SERVICES];
	uint32_t nb_flows;
	struct model_flow flows[MODEL_FLOWS];
	uint64_t drops[NB_DROP_REASONS];
	uint64_t nb_sent;
	uint64_t nb_punted;
	uint64_t nb_raised; /**< Other classes. */
	uint64_t nb_reselected;
	uint64_t nb_moved;
	uint64_t nb_reset;
	uint64_t nb_full;
};

/** A frame as it comes in. */
struct model_frame {
	uint8_t bytes[MODEL_FRAME];
	uint32_t len;
	uint32_t first_len; /**< Of the first segment. */
	uint32_t headroom;
	bool checksum_bad;
	uint16_t port;
};

enum model_way {
	MODEL_DROPPED,
	MODEL_SENT,
	MODEL_RAISED
};

struct model_outcome {
	enum model_way way;
	enum drop_reason reason;
	uint16_t port; /**< Sent on. */
	enum exception_class class;
	uint32_t nexthop;
	uint16_t vlan;
	uint8_t bytes[MODEL_FRAME + 64];
	uint32_t len;
};

/** Judge one frame; the model's flows and counts move on. */
void model_judge(struct model *m, const struct model_frame *f, struct model_outcome *out);

/** What a pass of the sweep removes. */
void model_sweep(struct model *m);

/** Flows of one backend. */
uint64_t model_member_flows(const struct model *m, const struct service_key *service,
		const struct ip_addr *backend);

/** Put the model's services into force. */
void model_apply(const struct model *m);

#endif
