/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CHANNEL_SESSION_H
#define CHANNEL_SESSION_H

/**
 * @file
 * A session between the two planes: one connection on a Unix SOCK_SEQPACKET
 * socket, fresh regions D and P (region.h), and the statistics region (stats.h),
 * handed over by SCM_RIGHTS.
 *
 * Handshake: the daemon sends struct session_hello with the range of versions it
 * speaks; the dataplane answers with struct session_welcome and three file
 * descriptors (D, P, statistics), or with an error and none. After that each side
 * sends one-byte datagrams as doorbells ("look at your ring"); they carry nothing
 * and may be lost: both sides also look at their rings at least every
 * SESSION_POLL_MS. The connection's end is the session's end. doc/channel.md has the
 * protocol in full.
 *
 * Nothing here blocks (but session_client_connect(), as it says): sockets are used
 * with MSG_DONTWAIT | MSG_NOSIGNAL, and every call does a bounded amount of work,
 * whatever the peer does.
 *
 * Thread safety: one thread owns a server or a client.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "channel/message.h"
#include "channel/ring.h"

#define SESSION_MAGIC UINT32_C(0x43647747) /* "GwdC" */
#define SESSION_POLL_MS 100
/** Sessions that a dataplane opens in a second, unless configured. */
#define SESSION_MAX_PER_S 10
/** Slots of the rings. */
#define SESSION_COMMAND_SLOTS 4096
#define SESSION_ANSWER_SLOTS 256
#define SESSION_EVENT_SLOTS 4096

struct session_hello {
	uint32_t magic;
	uint16_t version_min;
	uint16_t version_max;
	uint32_t reserved[6]; /**< Sent as zero, not looked at: a hello is for all versions. */
};

struct session_welcome {
	uint32_t magic;
	uint16_t version; /**< Chosen: the highest that both speak. 0: see error. */
	uint16_t error; /**< 0; EPROTONOSUPPORT: no common version; EBUSY: another session is active,
			       or there were too many within a second;
			       EACCES: this user may not connect. */
	uint32_t command_slots;
	uint32_t answer_slots;
	uint32_t event_slots;
	uint32_t reserved;
	uint64_t d_size;
	uint64_t p_size;
	uint64_t stats_size;
};

/* The dataplane's side. */

/** What a session server needs to know. */
struct session_server_conf {
	const char *path;  /**< Of the socket, at most 90 bytes; its directory must exist, writable
				   for the dataplane only. A stale file is replaced. Mode 0660, owner
				   allowed_uid. */
	uid_t allowed_uid; /**< Besides root and ourselves; -1: nobody else. */
	int stats_fd;	   /**< Sealed statistics region, duplicated to each daemon. */
	uint64_t stats_size;
	uint32_t sessions_per_s; /**< At most; 0: SESSION_MAX_PER_S. More are refused with EBUSY. */
};

struct session_server;

/**
 * @return NULL and errno: EADDRINUSE if another dataplane serves this path; ENOTSOCK if
 *         something else has this name; ENAMETOOLONG; what bind() and others say.
 */
struct session_server *session_server_create(const struct session_server_conf *conf);
/** Legal with NULL; unlinks the path. */
void session_server_destroy(struct session_server *server);

/** An epoll descriptor to wait on (readable = call session_server_step()). */
int session_server_fd(const struct session_server *server);

/** What session_server_step() saw. */
enum session_change {
	SESSION_SAME = 0,
	SESSION_OPENED,
	SESSION_CLOSED, /**< Forget any transaction that was under way. */
};

/**
 * Accept, shake hands, drain doorbells; never blocks. A newcomer while a session is
 * active is refused with EBUSY, unless the old connection has ended. Peers with
 * other credentials are closed at once. A connection that does not say hello
 * within a second is closed.
 *
 * Every SESSION_OPENED is followed by exactly one SESSION_CLOSED before the next, also
 * when another call closed the session.
 */
enum session_change session_server_step(struct session_server *server);

/**
 * Next command. A daemon can put new ones for ever: take a bounded number a turn.
 * @return 1: private copy, envelope and sequence checked; 0: none, or no session;
 *         -EPROTO: the session was closed, *m is undefined.
 */
MUST_CHECK int session_server_get(struct session_server *server, struct message *m);
/** Answers: @return 0, -EAGAIN (full), -ENOTCONN, -EPROTO (the session was closed). */
MUST_CHECK int session_server_answer(struct session_server *server, const struct message *m);
/**
 * Events: as answers, in a ring of their own; what does not fit is counted and told later. What
 * the session's version does not have is not sent.
 */
void session_server_event(struct session_server *server, const struct message *m);
/** Ring the doorbell if anything was put, or taken (there is room now), since the last call. */
void session_server_flush(struct session_server *server);
/** End the session (a peer that broke the protocol). */
void session_server_close(struct session_server *server);
/** For logs: the last reason why a session ended or was refused; never NULL. */
const char *session_server_reason(const struct session_server *server);

/* The daemon's side. */

struct session_client;

/**
 * Connect and shake hands (blocks at most @p timeout_ms).
 * @return NULL and errno: ENOENT/ECONNREFUSED: no dataplane; EBUSY; EPROTONOSUPPORT; EACCES;
 *         EPROTO: its welcome or regions are not as they must be; ETIMEDOUT.
 */
struct session_client *session_client_connect(const char *path, int timeout_ms);
void session_client_destroy(struct session_client *client); /**< Legal with NULL. */
/** The socket, to wait on for doorbells and the end. */
int session_client_fd(const struct session_client *client);
/** The protocol version of the session: fields and messages of later ones must not be used. */
uint16_t session_client_version(const struct session_client *client);
/** Drain doorbells. @return 0; -ENOTCONN: the dataplane has gone. */
MUST_CHECK int session_client_step(struct session_client *client);
/** Put a command. @return 0, -EAGAIN (full: flush, wait for the doorbell or a millisecond, go on), -ENOTCONN, -EPROTO. */
MUST_CHECK int session_client_put(struct session_client *client, const struct message *m);
void session_client_flush(struct session_client *client);
/** Next answer, else next event; also after the end, until none is left. @return 1, 0 (none), -EPROTO. */
MUST_CHECK int session_client_get(struct session_client *client, struct message *m);
/** The statistics region, mapped read-only, checked; valid until destroy. */
const void *session_client_stats(const struct session_client *client);

#endif
