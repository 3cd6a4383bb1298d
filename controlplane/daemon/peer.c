/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/peer.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_GROUPS 4096

/** The kernel's record of the peer's groups: no name service is asked. */
static bool
is_member(int fd, gid_t group)
{
	gid_t groups[MAX_GROUPS];
	socklen_t size = sizeof(groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0)
		return false;
	for (size_t i = 0; i < size / sizeof(groups[0]); i++) {
		if (groups[i] == group)
			return true;
	}
	return false;
}

int
peer_identify(int fd, gid_t group, struct peer *out)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) != 0)
		return -errno;
	out->pid = cred.pid;
	out->uid = cred.uid;
	out->gid = cred.gid;
	out->role = cred.uid == 0 || cred.uid == geteuid() ||
					(group != (gid_t)-1 &&
							(cred.gid == group || is_member(fd, group)))
			? ROLE_ADMIN
			: ROLE_VIEWER;
	return 0;
}

struct actor
peer_actor(const struct peer *peer)
{
	struct actor actor = { .uid = (int64_t)peer->uid, .pid = (int64_t)peer->pid };
	char buf[4096];
	struct passwd entry, *found = NULL;

	if (getpwuid_r(peer->uid, &entry, buf, sizeof(buf), &found) == 0 && found != NULL)
		snprintf(actor.user, sizeof(actor.user), "%s", entry.pw_name);
	return actor;
}

struct actor
peer_self(void)
{
	struct actor actor = { .uid = -1, .pid = (int64_t)getpid() };

	snprintf(actor.user, sizeof(actor.user), "guidewayd");
	return actor;
}
