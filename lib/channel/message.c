/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One table by type number, made from the lists of message.h: what an envelope must
 * look like. The reserved fields of payloads stand in a list of their own.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "channel/message.h"

/* No padding anywhere: every byte of a payload is a field, so that all are checked. */
_Static_assert(sizeof(struct msg_txn_begin) == 16, "wire format");
_Static_assert(sizeof(struct msg_txn_commit) == 16, "wire format");
_Static_assert(sizeof(struct msg_txn_abort) == 8, "wire format");
_Static_assert(sizeof(struct msg_hash_key_set) == 16, "wire format");
_Static_assert(sizeof(struct msg_service_set) == 56, "wire format");
_Static_assert(sizeof(struct msg_service_remove) == 24, "wire format");
_Static_assert(sizeof(struct msg_backend_set) == 56, "wire format");
_Static_assert(sizeof(struct msg_backend_remove) == 48, "wire format");
_Static_assert(sizeof(struct msg_txn_answer) == 32, "wire format");
_Static_assert(sizeof(struct msg_neighbour_event) == 32, "wire format");
_Static_assert(sizeof(struct msg_link_event) == 40, "wire format");
_Static_assert(sizeof(struct msg_events_lost) == 8, "wire format");
_Static_assert(sizeof(struct msg_suspect_event) == 60, "wire format");
_Static_assert(offsetof(struct message, payload) == MESSAGE_SIZE - MESSAGE_PAYLOAD, "wire format");
_Static_assert(offsetof(struct message, sequence) == 8, "wire format");

enum direction {
	DIRECTION_NONE, /* No such type. */
	DIRECTION_COMMAND,
	DIRECTION_REPORT,
};

/* clang-format off */
static const struct {
	const char *name;
	uint8_t length;
	uint8_t direction; /* enum direction. */
} types[] = {
#define MSG_COMMAND(symbol, number, payload_type) \
	[number] = { #symbol, sizeof(payload_type), DIRECTION_COMMAND },
#define MSG_REPORT(symbol, number, payload_type) \
	[number] = { #symbol, sizeof(payload_type), DIRECTION_REPORT },
	COMMANDS(MSG_COMMAND)
	REPORTS(MSG_REPORT)
#undef MSG_COMMAND
#undef MSG_REPORT
};

#define RESERVED(symbol, payload_type, field) \
	{ MSG_##symbol, offsetof(payload_type, field), sizeof(((payload_type *)NULL)->field) }

static const struct {
	uint8_t type;
	uint8_t offset;
	uint8_t size;
} reserved_fields[] = {
	RESERVED(TXN_BEGIN, struct msg_txn_begin, reserved),
	RESERVED(TXN_COMMIT, struct msg_txn_commit, reserved),
	RESERVED(SERVICE_SET, struct msg_service_set, reserved),
	RESERVED(BACKEND_REMOVE, struct msg_backend_remove, reserved),
	RESERVED(NEIGHBOUR_EVENT, struct msg_neighbour_event, reserved),
	RESERVED(LINK_EVENT, struct msg_link_event, reserved),
	RESERVED(SUSPECT_EVENT, struct msg_suspect_event, reserved),
};

static const char *const error_texts[NB_CHANNEL_ERRORS] = {
	[CHANNEL_OK] = "no error",
	[CHANNEL_BAD_MESSAGE] = "malformed message",
	[CHANNEL_BAD_SEQUENCE] = "message out of order: begin, commands, commit",
	[CHANNEL_LOST_COMMANDS] = "number of commands differs from what the commit says",
	[CHANNEL_TOO_LARGE] = "too many commands in one transaction",
	[CHANNEL_TOO_SLOW] = "transaction was not committed in time",
	[CHANNEL_REFUSED] = "configuration refused",
	[CHANNEL_BUSY] = "dataplane is stopping, or a worker did not move on",
};
/* clang-format on */

void
message_init(struct message *m, enum message_type type)
{
	memset(m, 0, sizeof(*m));
	m->magic = MESSAGE_MAGIC;
	m->type = (uint16_t)type;
	m->length = types[type].length;
}

static bool
all_zero(const uint8_t *bytes, size_t size)
{
	uint8_t any = 0;

	for (size_t i = 0; i < size; i++)
		any |= bytes[i];
	return any == 0;
}

/* Reserved fields of the payload, and everything behind it. */
static bool
reserved_is_zero(const struct message *m)
{
	for (size_t i = 0; i < ARRAY_LEN(reserved_fields); i++) {
		if (reserved_fields[i].type == m->type &&
				!all_zero(m->payload + reserved_fields[i].offset,
						reserved_fields[i].size))
			return false;
	}
	return all_zero(m->payload + m->length, MESSAGE_PAYLOAD - m->length);
}

static bool
service_key_is_valid(const struct service_key *key)
{
	return ip_addr_valid(&key->vip) && key->l4_port != 0 && key->reserved == 0 &&
			(key->protocol == PROTOCOL_TCP || key->protocol == PROTOCOL_UDP);
}

static bool
suspect_is_valid(const struct msg_suspect_event *e)
{
	return service_key_is_valid(&e->service) && ip_addr_valid(&e->backend) &&
			e->kind >= SUSPECT_SYN_RETRANSMISSIONS && e->kind <= SUSPECT_UNREACHABLE &&
			e->count != 0;
}

/* What a report's reader relies on; commands have lib/service to look after them. */
static bool
report_fields_are_valid(const struct message *m)
{
	switch (m->type) {
	case MSG_NEIGHBOUR_EVENT:
		return ip_addr_valid(&m->NEIGHBOUR_EVENT.addr) && m->NEIGHBOUR_EVENT.reachable <= 1;
	case MSG_LINK_EVENT:
		return memchr(m->LINK_EVENT.port, '\0', sizeof(m->LINK_EVENT.port)) != NULL &&
				m->LINK_EVENT.up <= 1;
	case MSG_SUSPECT_EVENT:
		return suspect_is_valid(&m->SUSPECT_EVENT);
	default:
		return true;
	}
}

int
message_check(const struct message *m, int expect_commands)
{
	enum direction direction = expect_commands ? DIRECTION_COMMAND : DIRECTION_REPORT;

	if (m->magic != MESSAGE_MAGIC || m->reserved != 0)
		return -EPROTO;
	if (m->type >= ARRAY_LEN(types) || types[m->type].direction != direction)
		return -EPROTO;
	if (m->length != types[m->type].length || !reserved_is_zero(m))
		return -EPROTO;
	if (!report_fields_are_valid(m))
		return -EPROTO;
	return 0;
}

uint16_t
message_version(uint16_t type)
{
	return type == MSG_SUSPECT_EVENT ? 2 : 1;
}

const char *
suspicion_name(uint32_t kind)
{
	switch (kind) {
	case SUSPECT_SYN_RETRANSMISSIONS:
		return "syn_retransmissions";
	case SUSPECT_RESETS:
		return "resets";
	case SUSPECT_UNREACHABLE:
		return "unreachable";
	default:
		return "?";
	}
}

const char *
message_type_name(uint16_t type)
{
	if (type >= ARRAY_LEN(types) || types[type].name == NULL)
		return "?";
	return types[type].name;
}

const char *
channel_error_text(enum channel_error e)
{
	if ((unsigned int)e >= NB_CHANNEL_ERRORS)
		return "unknown error";
	return error_texts[e];
}
