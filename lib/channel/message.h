/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CHANNEL_MESSAGE_H
#define CHANNEL_MESSAGE_H

/**
 * @file
 * Messages between the planes: fixed size, by value, in rings (ring.h).
 *
 * A change is a transaction: TXN_BEGIN, commands, TXN_COMMIT. Requests are
 * idempotent. The answer to a commit carries the generation in force, or the
 * error and the number of the command that caused it.
 *
 * Types and errors are append only. Reserved bytes are zero; a message with
 * others is refused, so that they can get a meaning later.
 *
 * Thread safety: plain values and pure functions.
 */

#include <stdint.h>

#include "base/compiler.h"
#include "service/service.h"

#define MESSAGE_MAGIC 0x4757 /* "GW" */
/** Protocol versions that this build speaks; neighbours N and N-1 understand each other. */
#define CHANNEL_VERSION_MIN 1
#define CHANNEL_VERSION_MAX 2
/** Bytes of a ring slot. */
#define MESSAGE_SIZE 128
#define MESSAGE_PAYLOAD 112

/** Bits of msg_txn_begin.flags. */
enum txn_flags {
	TXN_REPLACE_ALL = 1 << 0, /**< This is the whole desired state. */
};

struct msg_txn_begin {
	uint64_t txn;	/**< Chosen by the daemon; comes back in the answer. Not 0. */
	uint32_t flags; /**< enum txn_flags. */
	uint32_t reserved;
};

struct msg_txn_commit {
	uint64_t txn;
	uint32_t nb_commands; /**< Between begin and commit; a check that none was lost. */
	uint32_t reserved;
};

struct msg_txn_abort {
	uint64_t txn;
};

struct msg_hash_key_set {
	uint8_t key[16];
};

struct msg_service_set {
	struct service_conf conf;
	uint32_t reserved;
};

struct msg_service_remove {
	struct service_key key;
};

struct msg_backend_set {
	struct service_key service;
	struct backend_conf conf;
};

struct msg_backend_remove {
	struct service_key service;
	struct ip_addr addr;
	uint32_t reserved;
};

/** Answer to a transaction, also to one that failed before its commit. */
struct msg_txn_answer {
	uint64_t txn;
	uint64_t generation; /**< In force, after this transaction or in spite of it. */
	uint32_t error;	     /**< enum channel_error. */
	uint32_t conf_error; /**< enum conf_error, if error is CHANNEL_REFUSED. */
	uint32_t command;    /**< 0-based number of the failed command within the transaction. */
	uint32_t apply_us;   /**< From commit read to every worker having moved on. */
};

/** A next hop's MAC address was found or lost. */
struct msg_neighbour_event {
	struct ip_addr addr;
	uint8_t mac[6];
	uint8_t reachable; /**< 0 or 1. */
	uint8_t reserved[5];
};

struct msg_link_event {
	char port[32]; /**< NUL-terminated. */
	uint8_t up;    /**< 0 or 1. */
	uint8_t reserved[7];
};

/** What makes a backend suspect. */
enum suspicion {
	SUSPECT_SYN_RETRANSMISSIONS = 1, /**< Clients send SYNs again and get no further. */
	SUSPECT_RESETS = 2,		 /**< Clients reset connections before they are open. */
	SUSPECT_UNREACHABLE = 3,	 /**< ICMP says that what was sent to it did not arrive. */
};

/**
 * Passive evidence against a backend of a service. Clients and forgers can provoke it: it
 * is a reason to check the backend, and says nothing of its health. Since version 2.
 */
struct msg_suspect_event {
	struct service_key service;
	struct ip_addr backend;
	uint32_t kind;	    /**< enum suspicion. */
	uint32_t count;	    /**< So many signs, at least 1, */
	uint32_t window_ms; /**< within so many milliseconds. */
	uint32_t reserved;
};

/** Events were lost because the daemon did not read its ring: read the statistics anew. */
struct msg_events_lost {
	uint64_t count;
};

/* clang-format off */
/* MSG(symbol, number, payload struct) */
#define COMMANDS(MSG) /* daemon to dataplane */ \
	MSG(TXN_BEGIN, 1, struct msg_txn_begin) \
	MSG(TXN_COMMIT, 2, struct msg_txn_commit) \
	MSG(TXN_ABORT, 3, struct msg_txn_abort) \
	MSG(HASH_KEY_SET, 4, struct msg_hash_key_set) \
	MSG(SERVICE_SET, 5, struct msg_service_set) \
	MSG(SERVICE_REMOVE, 6, struct msg_service_remove) \
	MSG(BACKEND_SET, 7, struct msg_backend_set) \
	MSG(BACKEND_REMOVE, 8, struct msg_backend_remove)
#define REPORTS(MSG) /* dataplane to daemon */ \
	MSG(TXN_ANSWER, 64, struct msg_txn_answer) \
	MSG(NEIGHBOUR_EVENT, 65, struct msg_neighbour_event) \
	MSG(LINK_EVENT, 66, struct msg_link_event) \
	MSG(EVENTS_LOST, 67, struct msg_events_lost) \
	MSG(SUSPECT_EVENT, 68, struct msg_suspect_event)
/* clang-format on */

enum message_type {
#define MSG_ENUM(symbol, number, payload) MSG_##symbol = number,
	COMMANDS(MSG_ENUM) REPORTS(MSG_ENUM)
#undef MSG_ENUM
};

/** Why a transaction failed. */
enum channel_error {
	CHANNEL_OK = 0,
	CHANNEL_BAD_MESSAGE,   /**< Magic, type, length or reserved bytes. */
	CHANNEL_BAD_SEQUENCE,  /**< Begin within a transaction, command or commit outside. */
	CHANNEL_LOST_COMMANDS, /**< nb_commands does not match. */
	CHANNEL_TOO_LARGE,     /**< More commands than one transaction may have. */
	CHANNEL_TOO_SLOW,      /**< The transaction was not committed in time. */
	CHANNEL_REFUSED,       /**< See conf_error and command. */
	CHANNEL_BUSY,	       /**< The dataplane is stopping, or a worker did not move on. */
	NB_CHANNEL_ERRORS
};

/** A ring slot. */
struct message {
	uint16_t magic;	   /**< MESSAGE_MAGIC. */
	uint16_t type;	   /**< enum message_type. */
	uint16_t length;   /**< Bytes of the payload: exactly that of the type. */
	uint16_t reserved; /**< Zero. */
	uint64_t sequence; /**< Counts up by one for each message of its ring, from 0. */
	union {
		uint8_t payload[MESSAGE_PAYLOAD];
#define MSG_MEMBER(symbol, number, payload_type) payload_type symbol;
		COMMANDS(MSG_MEMBER) REPORTS(MSG_MEMBER)
#undef MSG_MEMBER
	};
};
_Static_assert(sizeof(struct message) == MESSAGE_SIZE, "wire format");

/**
 * Prepare a message of @p type: header filled, payload zero. The sequence is
 * filled by whoever puts it into a ring.
 */
void message_init(struct message *m, enum message_type type);

/**
 * Check the envelope of a message that was copied out of a ring: magic, type,
 * length, reserved fields of header and struct msg_*, zeros behind the payload. The
 * values of commands, reserved bytes within the types of service.h included, are checked
 * by lib/service. Reports, which nobody else checks, have their addresses, keys, flags,
 * kinds and texts checked here.
 * @param expect_commands True: only COMMANDS are right; false: only REPORTS.
 * @return 0, or -EPROTO.
 */
int message_check(const struct message *m, int expect_commands);

/** The first protocol version that has @p type; sessions of lower ones must not see it. */
uint16_t message_version(uint16_t type);

const char *message_type_name(uint16_t type);	      /**< "SERVICE_SET", …; else "?". */
const char *suspicion_name(uint32_t kind);	      /**< "syn_retransmissions", …; else "?". */
const char *channel_error_text(enum channel_error e); /**< One phrase for people. */

#endif
