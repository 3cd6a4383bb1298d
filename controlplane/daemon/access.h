/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_ACCESS_H
#define DAEMON_ACCESS_H

/**
 * @file
 * Who has which role, and where the API listens besides its Unix socket: access.yaml
 * (doc/access.yaml.md). Whoever is not named may nothing.
 *
 * A struct access is immutable once read.
 *
 * Thread safety: the main thread only.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "controlplane/daemon/complaint.h"
#include "controlplane/daemon/role.h"

#define ACCESS_MAX_RULES 256
#define ACCESS_MAX_LISTEN 8
/** A certificate's subject as text, with its NUL (RFC 4514); longer ones match no rule. */
#define ACCESS_SUBJECT_SIZE 256
#define ACCESS_DEFAULT_RATE 1000

/** Who somebody on the Unix socket must be. */
struct access_user {
	bool is_group;
	uint32_t id; /**< uid or gid. */
	enum role role;
};

/** What a client's certificate must say. */
struct access_client {
	bool is_common_name; /**< Else the whole subject. */
	char name[ACCESS_SUBJECT_SIZE];
	enum role role;
};

struct access_listen {
	char text[64]; /**< "0.0.0.0:8443". */
	struct sockaddr_storage addr;
	socklen_t len;
};

struct access {
	uint32_t nb_users;
	struct access_user users[ACCESS_MAX_RULES];
	uint32_t nb_clients;
	struct access_client clients[ACCESS_MAX_RULES];
	uint32_t nb_listen; /**< 0: no TLS. */
	struct access_listen listen[ACCESS_MAX_LISTEN];
	char *certificate; /**< Paths of PEM files. */
	char *key;
	char *client_ca;
	char *client_crl;    /**< NULL: none. */
	uint32_t rate_per_s; /**< Requests of one identity. */
};

/** Without a file: members of @p group are admins. (gid_t)-1: nobody is. @return NULL: no memory. */
struct access *access_default(gid_t group);

/**
 * Read and check a file. Names of users and groups are looked up.
 * @param c Initialised; complaints about the file itself have no place.
 * @return NULL: see @p c; *@p error is an errno if the file could not be read at all, else 0.
 */
struct access *access_read(const char *path, struct complaints *c, int *error);
void access_free(struct access *a); /**< Legal with NULL. */

/**
 * The role of a user: the first rule that matches. root and the daemon's own user are admins in
 * any case: they could change the daemon's files.
 * @param groups All groups of the process at the other end, the effective one included.
 */
enum role access_user_role(
		const struct access *a, uid_t uid, const gid_t *groups, size_t nb_groups);

/** The role of a certificate, verified before: the first rule that matches. */
enum role access_client_role(const struct access *a, const char *subject, const char *common_name);

#endif
