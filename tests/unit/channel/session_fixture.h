/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CHANNEL_SESSION_FIXTURE_H
#define CHANNEL_SESSION_FIXTURE_H

/**
 * @file
 * What the tests of sessions share: a server on a path of its own, clients that
 * connect while the server steps, raw sockets, counting descriptors. Everything
 * here asserts; nothing returns an error.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "channel/region.h"
#include "channel/session.h"

struct fixture {
	char dir[64];
	char path[80];
	struct region stats;
	struct session_server *server;
	uint32_t sessions_per_s;
};

/** Setup and teardown for cmocka; the fixture is *state. */
int fixture_create(void **state);
int fixture_destroy(void **state);

struct session_server *fixture_serve(const struct fixture *f, uid_t allowed_uid);

/** How long a test waits for what must happen: the machine may be busy. */
#define PATIENCE_MS 20000

/** For calls that must not block, however busy the machine is. */
struct stopwatch {
	int64_t start_ms;
	long nb_waits;
};
struct stopwatch stopwatch_start(void);
void assert_did_not_block(const struct stopwatch *watch);

/** Step until @p change comes (PATIENCE_MS at most, then the test fails). */
void step_until(struct session_server *server, enum session_change change);
/** Step for so long, at least once; every step must say SESSION_SAME and not block. */
void step_for(struct session_server *server, int ms);

/** Connect while the server steps. NULL and errno, or a session that the server has opened. */
struct session_client *client_connect(struct fixture *f);

/** A connected raw SEQPACKET socket. */
int raw_connect(const struct fixture *f);
void raw_hello(int socket, uint16_t version_min, uint16_t version_max);
/** Send @p len bytes with @p nb_fds copies of descriptor @p fd. @return as sendmsg(). */
ssize_t raw_send_fds(int socket, const void *bytes, size_t len, int fd, int nb_fds);
/** Receive; descriptors go to @p fds (3). @return length; 0: closed. */
ssize_t raw_receive(int socket, void *bytes, size_t size, int *fds);

int nb_open_fds(void);
/** Mappings of D, P and statistics in this process. */
int nb_mapped_regions(void);
int64_t now_ms(void);

/** A command that carries a number. */
struct message numbered_command(uint64_t n);

#endif
