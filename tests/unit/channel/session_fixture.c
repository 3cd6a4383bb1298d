/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "session_fixture.h"

#include "channel/stats.h"

int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

struct stopwatch
stopwatch_start(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return (struct stopwatch){ .start_ms = now_ms(), .nb_waits = usage.ru_nvcsw };
}

void
assert_did_not_block(const struct stopwatch *watch)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	/* A slow machine takes the core away; only who blocks gives it away. */
	assert_false(usage.ru_nvcsw != watch->nb_waits && now_ms() - watch->start_ms >= 50);
}

struct session_server *
fixture_serve(const struct fixture *f, uid_t allowed_uid)
{
	const struct session_server_conf conf = {
		.path = f->path,
		.allowed_uid = allowed_uid,
		.stats_fd = f->stats.fd,
		.stats_size = f->stats.size,
		.sessions_per_s = f->sessions_per_s,
	};

	return session_server_create(&conf);
}

int
fixture_create(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->dir, "/tmp/guideway-channel-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/s", f->dir);
	assert_int_equal(region_create(&f->stats, REGION_STATS, stats_region_size(2, 4, 8)), 0);
	stats_region_init(f->stats.base, 2, 4, 8);
	f->sessions_per_s = 1000000;
	f->server = fixture_serve(f, (uid_t)-1);
	assert_non_null(f->server);
	*state = f;
	return 0;
}

int
fixture_destroy(void **state)
{
	struct fixture *f = *state;

	session_server_destroy(f->server);
	region_close(&f->stats);
	/* Nothing may be left behind. */
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static enum session_change
step_once(struct session_server *server, int wait_ms)
{
	struct pollfd p = { .fd = session_server_fd(server), .events = POLLIN };
	enum session_change change;
	struct stopwatch watch;

	poll(&p, 1, wait_ms);
	watch = stopwatch_start();
	change = session_server_step(server);
	assert_did_not_block(&watch);
	return change;
}

void
step_until(struct session_server *server, enum session_change change)
{
	int64_t end_ms = now_ms() + PATIENCE_MS;
	enum session_change seen;

	do {
		assert_true(now_ms() < end_ms);
		seen = step_once(server, 10);
	} while (seen == SESSION_SAME);
	assert_int_equal(seen, change);
}

void
step_for(struct session_server *server, int ms)
{
	int64_t end_ms = now_ms() + ms;

	do
		assert_int_equal(step_once(server, 5), SESSION_SAME);
	while (now_ms() < end_ms);
}

struct connecting {
	const char *path;
	struct session_client *client;
	int error;
	_Atomic int done;
};

static void *
connect_thread(void *arg)
{
	struct connecting *c = arg;

	c->client = session_client_connect(c->path, PATIENCE_MS);
	c->error = errno;
	c->done = 1;
	return NULL;
}

struct session_client *
client_connect(struct fixture *f)
{
	struct connecting c = { .path = f->path };
	int opened = 0;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, connect_thread, &c), 0);
	while (c.done == 0)
		opened += step_once(f->server, 5) == SESSION_OPENED;
	pthread_join(thread, NULL);
	assert_int_equal(opened, c.client != NULL);
	errno = c.error;
	return c.client;
}

int
raw_connect(const struct fixture *f)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	strcpy(addr.sun_path, f->path);
	assert_int_equal(connect(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

void
raw_hello(int socket, uint16_t version_min, uint16_t version_max)
{
	const struct session_hello hello = {
		.magic = SESSION_MAGIC,
		.version_min = version_min,
		.version_max = version_max,
	};

	assert_int_equal(send(socket, &hello, sizeof(hello), MSG_NOSIGNAL), sizeof(hello));
}

ssize_t
raw_send_fds(int socket, const void *bytes, size_t len, int fd, int nb_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(253 * sizeof(int))];
	} control = { 0 };
	char copy[256];
	struct iovec iov = { .iov_base = copy, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes };
	struct cmsghdr *cmsg;

	memcpy(copy, bytes, len);
	msg.msg_controllen = CMSG_SPACE((size_t)nb_fds * sizeof(int));
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN((size_t)nb_fds * sizeof(int));
	for (int i = 0; i < nb_fds; i++)
		memcpy(CMSG_DATA(cmsg) + (size_t)i * sizeof(int), &fd, sizeof(int));
	return sendmsg(socket, &msg, MSG_NOSIGNAL);
}

ssize_t
raw_receive(int socket, void *bytes, size_t size, int *fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(3 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = bytes, .iov_len = size };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct pollfd p = { .fd = socket, .events = POLLIN };
	struct cmsghdr *cmsg;
	ssize_t len;

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	len = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	if (len < 0 && errno == ECONNRESET)
		len = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	fds[0] = fds[1] = fds[2] = -1;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg != NULL)
		memcpy(fds, CMSG_DATA(cmsg), cmsg->cmsg_len - CMSG_LEN(0));
	return len;
}

int
nb_open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int nb = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		nb++;
	closedir(dir);
	return nb;
}

int
nb_mapped_regions(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	int nb = 0;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL)
		nb += strstr(line, "memfd:guideway-") != NULL;
	fclose(maps);
	return nb;
}

struct message
numbered_command(uint64_t n)
{
	struct message m;

	message_init(&m, MSG_TXN_ABORT);
	m.TXN_ABORT.txn = n;
	return m;
}
