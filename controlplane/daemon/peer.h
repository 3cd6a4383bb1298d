/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_PEER_H
#define DAEMON_PEER_H

/**
 * @file
 * Who is at the other end of a connection, and what they may do.
 *
 * Thread safety: pure but for system calls.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "controlplane/daemon/access.h"
#include "controlplane/daemon/role.h"
#include "controlplane/daemon/store.h"
#include "controlplane/daemon/tls_server.h"

struct peer {
	enum role role;
	bool has_certificate; /**< It came over TLS; else the following three are known. */
	pid_t pid;
	uid_t uid;
	gid_t gid;
	char subject[ACCESS_SUBJECT_SIZE]; /**< Of its certificate; "": it has none that holds. */
	char origin[80];		   /**< "pid 812", "192.0.2.7:40123". */
	char why[160]; /**< If it has no role: why not; "": nobody gave it one. */
};

/**
 * Look at a connected Unix socket.
 * @return 0 or -errno: nothing is known, nothing may be done.
 */
int peer_identify(int fd, const struct access *access, struct peer *out);

/** The same of a TLS session. Whoever has no certificate that holds has no role. */
void peer_identify_client(const struct tls_server *tls, gnutls_session_t session,
		const struct sockaddr *addr, const struct access *access, struct peer *out);

/** "uid 0 (root)", "CN=alice,O=Bank". */
void peer_name(const struct peer *peer, char *out, size_t size);

/** For the audit trail. */
struct actor peer_actor(const struct peer *peer);

/** The daemon itself. */
struct actor peer_self(void);

#endif
