/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/peer.h"

#include <errno.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_GROUPS 4096

int
peer_identify(int fd, const struct access *access, struct peer *out)
{
	gid_t groups[MAX_GROUPS + 1];
	struct ucred cred;
	socklen_t size = sizeof(cred), groups_size = MAX_GROUPS * sizeof(groups[0]);

	memset(out, 0, sizeof(*out));
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) != 0)
		return -errno;
	/* The kernel's record of the peer's groups: no name service is asked. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, &groups[1], &groups_size) != 0)
		groups_size = 0;
	groups[0] = cred.gid;
	out->pid = cred.pid;
	out->uid = cred.uid;
	out->gid = cred.gid;
	out->role = access_user_role(access, cred.uid, groups, groups_size / sizeof(groups[0]) + 1);
	snprintf(out->origin, sizeof(out->origin), "pid %d", (int)cred.pid);
	return 0;
}

static void
format_origin(const struct sockaddr *addr, char *out, size_t size)
{
	socklen_t len = addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						    : sizeof(struct sockaddr_in);
	bool is_v6 = addr->sa_family == AF_INET6;
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (getnameinfo(addr, len, host, sizeof(host), port, sizeof(port),
			    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		snprintf(out, size, "?");
	else
		snprintf(out, size, is_v6 ? "[%.50s]:%.6s" : "%.50s:%.6s", host, port);
}

void
peer_identify_client(const struct tls_server *tls, gnutls_session_t session,
		const struct sockaddr *addr, const struct access *access, struct peer *out)
{
	struct tls_client client = { .subject = "" };

	memset(out, 0, sizeof(*out));
	out->has_certificate = true;
	format_origin(addr, out->origin, sizeof(out->origin));
	if (!tls_server_identify(tls, session, &client, out->why, sizeof(out->why)))
		return;
	memcpy(out->subject, client.subject, sizeof(out->subject));
	out->role = access_client_role(access, client.subject, client.common_name);
}

/** @return "": it has none. */
static void
name_of_user(uid_t uid, char *out, size_t size)
{
	char buf[4096];
	struct passwd entry, *found = NULL;

	if (getpwuid_r(uid, &entry, buf, sizeof(buf), &found) == 0 && found != NULL)
		snprintf(out, size, "%s", entry.pw_name);
	else
		out[0] = '\0';
}

void
peer_name(const struct peer *peer, char *out, size_t size)
{
	char user[64];

	if (peer->has_certificate) {
		snprintf(out, size, "%s", peer->subject[0] != '\0' ? peer->subject : "a stranger");
		return;
	}
	name_of_user(peer->uid, user, sizeof(user));
	snprintf(out, size, "uid %u%s%s%s", (unsigned int)peer->uid, user[0] != '\0' ? " (" : "",
			user, user[0] != '\0' ? ")" : "");
}

struct actor
peer_actor(const struct peer *peer)
{
	struct actor actor = { .uid = (int64_t)peer->uid, .pid = (int64_t)peer->pid };

	if (peer->has_certificate) {
		actor.uid = ACTOR_CERTIFICATE;
		snprintf(actor.user, sizeof(actor.user), "%s", peer->subject);
	} else {
		name_of_user(peer->uid, actor.user, sizeof(actor.user));
	}
	snprintf(actor.origin, sizeof(actor.origin), "%s", peer->origin);
	return actor;
}

struct actor
peer_self(void)
{
	struct actor actor = { .uid = ACTOR_DAEMON, .pid = (int64_t)getpid() };

	snprintf(actor.user, sizeof(actor.user), "guidewayd");
	snprintf(actor.origin, sizeof(actor.origin), "pid %d", (int)getpid());
	return actor;
}
