/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * guideway-pinger: sends ICMP echo requests for guidewayd, which has no right to. Opens its
 * sockets, gives up every right, and serves. Does nothing else, so that this is all
 * that CAP_NET_RAW is trusted to.
 */
#include <errno.h>
#include <ev.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel/listener.h"

#include "controlplane/pinger/privileges.h"
#include "controlplane/pinger/server.h"
#include "controlplane/pinger/sockets.h"

#define EXIT_FAILED 1
#define EXIT_USAGE 2

static const char usage[] =
		"Usage: guideway-pinger [options]\n"
		"Sends ICMP echo requests for the health checks of guidewayd.\n"
		"\n"
		"      --socket PATH  where guidewayd asks (/run/guideway/pinger.sock)\n"
		"      --user NAME    whose processes may ask, besides root's (guideway)\n"
		"      --version\n"
		"  -h, --help\n"
		"\n"
		"Needs CAP_NET_RAW, and gives it up once it has started. See guideway-pinger(8).\n";

enum {
	LONG_SOCKET = 256,
	LONG_USER,
	LONG_VERSION
};

struct options {
	const char *socket;
	const char *user;
	uid_t uid;
	gid_t gid;
};

/** Of no user there is: one that nobody is. */
static int
find_user(struct options *o)
{
	const struct passwd *user = getpwnam(o->user);

	if (user == NULL) {
		fprintf(stderr, "guideway-pinger: --user: no such user: %s\n", o->user);
		return EXIT_USAGE;
	}
	o->uid = user->pw_uid;
	o->gid = user->pw_gid;
	return -1;
}

/** @return -1: go on; else the exit code. */
static int
parse(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, LONG_SOCKET },
		{ "user", required_argument, NULL, LONG_USER },
		{ "version", no_argument, NULL, LONG_VERSION },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*o = (struct options){ .socket = "/run/guideway/pinger.sock", .user = "guideway" };
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case LONG_SOCKET:
			o->socket = optarg;
			break;
		case LONG_USER:
			o->user = optarg;
			break;
		case LONG_VERSION:
			printf("guideway-pinger %s\n", GUIDEWAY_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default: /* getopt_long() has said what is wrong. */
			fputs("Try guideway-pinger --help.\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "guideway-pinger: unexpected argument: %s\n", argv[optind]);
		return EXIT_USAGE;
	}
	return find_user(o);
}

/** @return a descriptor; -1: the host has no such protocol; -2: failed, and said why. */
static int
open_raw(enum ip_family family, const char *name)
{
	int fd = socket_open(family);

	if (fd >= 0)
		return fd;
	if (fd == -EAFNOSUPPORT || fd == -EPROTONOSUPPORT)
		return -1;
	fprintf(stderr, "guideway-pinger: no raw socket for %s: %s%s\n", name, strerror(-fd),
			fd == -EPERM ? "; CAP_NET_RAW is missing" : "");
	return -2;
}

static void
on_stop(struct ev_loop *loop, ev_signal *w, int events)
{
	(void)w;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

static int
serve(const struct server_sockets *sockets, uid_t allowed)
{
	struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO | EVFLAG_NOENV);
	struct server *server = loop != NULL ? server_create(loop, sockets, allowed) : NULL;
	ev_signal terminate, interrupt;

	if (server == NULL) {
		fprintf(stderr, "guideway-pinger: out of memory\n");
		return EXIT_FAILED;
	}
	ev_signal_init(&terminate, on_stop, SIGTERM);
	ev_signal_init(&interrupt, on_stop, SIGINT);
	ev_signal_start(loop, &terminate);
	ev_signal_start(loop, &interrupt);
	fprintf(stderr, "guideway-pinger: ready\n");
	ev_run(loop, 0);
	server_destroy(server);
	ev_loop_destroy(loop);
	return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
	struct server_sockets sockets;
	struct listener listener;
	struct options options;
	int ret = parse(argc, argv, &options);

	if (ret != -1)
		return ret;
	signal(SIGPIPE, SIG_IGN);
	sockets.v4 = open_raw(IP_V4, "IPv4");
	sockets.v6 = open_raw(IP_V6, "IPv6");
	if (sockets.v4 == -2 || sockets.v6 == -2)
		return EXIT_FAILED;
	ret = listener_open(&listener, options.socket, options.uid);
	if (ret != 0) {
		fprintf(stderr, "guideway-pinger: %s: %s\n", options.socket, strerror(-ret));
		return EXIT_FAILED;
	}
	sockets.listener = listener.fd;
	ret = privileges_drop(options.uid, options.gid);
	if (ret != 0)
		fprintf(stderr, "guideway-pinger: rights cannot be given up: %s\n", strerror(-ret));
	ret = ret == 0 ? serve(&sockets, options.uid) : EXIT_FAILED;
	listener_close(&listener);
	return ret;
}
