/* SPDX-License-Identifier: BSD-3-Clause */
/* A daemon's side that does everything but behave, against the dataplane's. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session_fixture.h"

#include "channel/handshake.h"

/* Linux 6.16; older headers lack it. */
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

/* A hand-made session. */
struct raw_session {
	int socket;
	struct region_d *d;
	const struct region_p *p;
};

static struct raw_session
raw_session_begin(struct fixture *f)
{
	struct raw_session s = { .socket = raw_connect(f) };
	struct session_welcome welcome;
	int fds[3];

	raw_hello(s.socket, 1, 1);
	step_until(f->server, SESSION_OPENED);
	assert_int_equal(raw_receive(s.socket, &welcome, sizeof(welcome), fds), sizeof(welcome));
	assert_int_equal(welcome.magic, SESSION_MAGIC);
	assert_int_equal(welcome.version, 1);
	assert_int_equal(welcome.error, 0);
	s.d = mmap(NULL, sizeof(*s.d), PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
	assert_ptr_not_equal(s.d, MAP_FAILED);
	s.p = mmap(NULL, sizeof(*s.p), PROT_READ, MAP_SHARED, fds[1], 0);
	assert_ptr_not_equal(s.p, MAP_FAILED);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	return s;
}

static void
raw_session_end(const struct raw_session *s)
{
	munmap(s->d, sizeof(*s->d));
	munmap((void *)(uintptr_t)s->p, sizeof(*s->p));
	close(s->socket);
}

static bool
is_closed(int socket)
{
	struct pollfd p = { .fd = socket };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLHUP) != 0;
}

/* The server has closed @p socket: EOF, or reset if it had not read all. */
static void
assert_closed(int socket)
{
	struct pollfd p = { .fd = socket, .events = POLLIN };
	char byte;

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	assert_true(recv(socket, &byte, 1, MSG_DONTWAIT) <= 0);
	assert_true((p.revents & POLLHUP) != 0);
}

/* The session with @p c works in both directions. */
static void
assert_undisturbed(struct fixture *f, struct session_client *c)
{
	struct message m = numbered_command(77);

	assert_int_equal(session_client_put(c, &m), 0);
	session_client_flush(c);
	step_for(f->server, 5);
	assert_int_equal(session_server_get(f->server, &m), 1);
	assert_int_equal(m.TXN_ABORT.txn, 77);
	message_init(&m, MSG_TXN_ANSWER);
	assert_int_equal(session_server_answer(f->server, &m), 0);
	assert_int_equal(session_client_step(c), 0);
	assert_int_equal(session_client_get(c, &m), 1);
}

static void
test_a_silent_connection_is_closed_after_a_second(void **state)
{
	struct fixture *f = *state;
	int64_t start_ms = now_ms();
	int fd = raw_connect(f);
	struct pollfd closed = { .fd = fd, .events = POLLIN };

	step_for(f->server, 700);
	if (now_ms() - start_ms < 1000)
		assert_int_equal(poll(&closed, 1, 0), 0);
	while (poll(&closed, 1, 0) == 0) {
		/* Nothing but the server's own timer wakes us. */
		struct pollfd p = { .fd = session_server_fd(f->server), .events = POLLIN };

		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		assert_int_equal(session_server_step(f->server), SESSION_SAME);
	}
	assert_in_range(now_ms() - start_ms, 1000, PATIENCE_MS);
	assert_closed(fd);
	assert_non_null(strstr(session_server_reason(f->server), "no hello"));
	close(fd);
	/* And then it sleeps. */
	closed.fd = session_server_fd(f->server);
	assert_int_equal(poll(&closed, 1, 100), 0);
}

static void
test_garbage_instead_of_a_hello_is_closed(void **state)
{
	struct fixture *f = *state;
	struct session_client *c = client_connect(f);
	unsigned int seed = 99;
	int nb_fds = nb_open_fds();

	for (int round = 0; round < 300; round++) {
		struct session_hello hello = {
			.magic = SESSION_MAGIC, .version_min = 1, .version_max = 1
		};
		uint8_t garbage[4096];
		size_t len = (size_t)rand_r(&seed) % sizeof(garbage);
		int fd = raw_connect(f);

		for (size_t i = 0; i < sizeof(garbage); i++)
			garbage[i] = (uint8_t)rand_r(&seed);
		if (round % 3 == 0)
			memcpy(garbage, &hello, sizeof(hello)); /* Right but for its length. */
		if (len == sizeof(hello))
			len++;
		assert_int_equal(send(fd, garbage, len, MSG_NOSIGNAL), len);
		step_for(f->server, 2);
		assert_closed(fd);
		close(fd);
	}
	assert_int_equal(nb_open_fds(), nb_fds);
	assert_undisturbed(f, c);
	session_client_destroy(c);
}

static void
test_only_a_common_version_opens_a_session(void **state)
{
	static const struct {
		uint16_t min, max;
		uint16_t version;
	} ranges[] = { { 1, 1, 1 }, { 1, 2, 2 }, { 1, 65535, 2 }, { 2, 2, 2 }, { 2, 9, 2 },
		{ 3, 3, 0 }, { 3, 9, 0 }, { 0, 0, 0 }, { 0, 1, 0 }, { 9, 1, 0 }, { 1, 0, 0 } };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		int fd = raw_connect(f);
		struct session_welcome w;
		int fds[3];

		raw_hello(fd, ranges[i].min, ranges[i].max);
		if (ranges[i].version != 0)
			step_until(f->server, SESSION_OPENED);
		else
			step_for(f->server, 10);
		assert_int_equal(raw_receive(fd, &w, sizeof(w), fds), sizeof(w));
		assert_int_equal(w.magic, SESSION_MAGIC);
		assert_int_equal(w.version, ranges[i].version);
		assert_int_equal(w.error, ranges[i].version != 0 ? 0 : EPROTONOSUPPORT);
		assert_int_equal(fds[2] >= 0, ranges[i].version != 0);
		for (int n = 0; n < 3; n++) {
			if (fds[n] >= 0)
				close(fds[n]);
		}
		if (ranges[i].version == 0)
			assert_closed(fd);
		close(fd);
		if (ranges[i].version != 0)
			step_until(f->server, SESSION_CLOSED);
	}
}

static void
test_the_highest_common_version_is_chosen(void **state)
{
	(void)state;
	/* N and N - 1, each as either side. */
	assert_int_equal(handshake_version(1, 2, 1, 1), 1);
	assert_int_equal(handshake_version(1, 1, 1, 2), 1);
	assert_int_equal(handshake_version(1, 2, 1, 2), 2);
	assert_int_equal(handshake_version(2, 3, 1, 2), 2);
	assert_int_equal(handshake_version(2, 3, 3, 4), 3);
	assert_int_equal(handshake_version(2, 3, 4, 5), 0);
	assert_int_equal(handshake_version(1, UINT16_MAX, UINT16_MAX, UINT16_MAX), UINT16_MAX);
	assert_int_equal(handshake_version(0, 2, 1, 2), 0);
	assert_int_equal(handshake_version(2, 1, 1, 2), 0);
	assert_int_equal(handshake_version(1, 2, 2, 1), 0);
}

/* Kernels that can forbid passing (6.16) refuse the sender; others drop what came. */
static void
assert_sent_or_forbidden(ssize_t sent)
{
	int error = errno;
	int probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int off = 0;

	if (setsockopt(probe, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off)) == 0) {
		assert_int_equal(sent, -1);
		assert_int_equal(error, EPERM);
	} else {
		assert_true(sent > 0);
	}
	close(probe);
}

static void
test_descriptors_that_a_peer_sends_are_not_kept(void **state)
{
	const struct session_hello hello = {
		.magic = SESSION_MAGIC, .version_min = 1, .version_max = 1
	};
	struct fixture *f = *state;
	int fd = raw_connect(f);
	struct raw_session s;
	int nb_fds;

	nb_fds = nb_open_fds();
	assert_sent_or_forbidden(raw_send_fds(fd, &hello, 31, 0, 253));
	step_for(f->server, 10);
	close(fd);
	assert_true(nb_open_fds() <= nb_fds);

	s = raw_session_begin(f);
	nb_fds = nb_open_fds();
	for (int i = 0; i < 50; i++) {
		assert_sent_or_forbidden(raw_send_fds(s.socket, "!", 1, 0, 253));
		step_for(f->server, 1);
	}
	assert_int_equal(nb_open_fds(), nb_fds);
	raw_session_end(&s);
}

static void
test_descriptors_that_come_with_doorbells_are_dropped(void **state)
{
	int pair[2], nb_fds;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	nb_fds = nb_open_fds();
	for (int i = 0; i < 100; i++) {
		assert_int_equal(raw_send_fds(pair[0], "!", 1, 0, 253), 1);
		assert_int_equal(doorbell_drain(pair[1]), 0);
	}
	assert_int_equal(nb_open_fds(), nb_fds);
	close(pair[0]);
	close(pair[1]);
}

static void
test_doorbells_are_taken_in_bounded_numbers(void **state)
{
	int pair[2], nb_calls = 0;
	struct pollfd p = { .events = POLLIN };

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	for (int i = 0; i < 150; i++)
		doorbell_ring(pair[0]);
	for (p.fd = pair[1]; poll(&p, 1, 0) == 1; nb_calls++)
		assert_int_equal(doorbell_drain(pair[1]), 0);
	assert_in_range(nb_calls, 2, 10);
	close(pair[0]);
	close(pair[1]);
}

static void
test_an_empty_datagram_ends_the_session(void **state)
{
	struct fixture *f = *state;
	struct raw_session s = raw_session_begin(f);

	assert_int_equal(send(s.socket, "", 0, MSG_NOSIGNAL), 0);
	step_until(f->server, SESSION_CLOSED);
	assert_closed(s.socket);
	raw_session_end(&s);
}

static void
test_a_half_closed_connection_ends_the_session(void **state)
{
	static const int hows[] = { SHUT_WR, SHUT_RDWR };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(hows); i++) {
		struct raw_session s = raw_session_begin(f);

		assert_int_equal(shutdown(s.socket, hows[i]), 0);
		step_until(f->server, SESSION_CLOSED);
		raw_session_end(&s);
	}
}

static void
test_a_thousand_quick_connections_do_not_disturb_the_session(void **state)
{
	struct fixture *f = *state;
	struct session_client *c = client_connect(f);
	int nb_fds = nb_open_fds();

	for (int i = 0; i < 1000; i++) {
		int fd = raw_connect(f);

		if (i % 3 == 1)
			raw_hello(fd, 1, 1);
		close(fd);
		if (i % 20 == 0)
			step_for(f->server, 1);
		if (i % 100 == 0)
			assert_undisturbed(f, c);
	}
	step_for(f->server, 50);
	assert_int_equal(nb_open_fds(), nb_fds);
	assert_undisturbed(f, c);
	session_client_destroy(c);
}

static void
test_a_crowd_of_silent_connections_does_not_keep_a_daemon_out(void **state)
{
	struct fixture *f = *state;
	struct session_client *c;
	int nb_fds = nb_open_fds();
	int crowd[50];
	int nb_left = 0;

	for (size_t i = 0; i < ARRAY_LEN(crowd); i++)
		crowd[i] = raw_connect(f);
	/* One step looks at a bounded number of them. */
	assert_int_equal(session_server_step(f->server), SESSION_SAME);
	for (size_t i = 0; i < ARRAY_LEN(crowd); i++)
		nb_left += !is_closed(crowd[i]);
	assert_in_range(nb_left, 34, 49);
	step_for(f->server, 20);
	/* A bounded number of them holds descriptors of the dataplane. */
	assert_true(nb_open_fds() - nb_fds <= 50 + 8);
	c = client_connect(f);
	assert_non_null(c);
	assert_undisturbed(f, c);
	for (size_t i = 0; i < ARRAY_LEN(crowd); i++)
		close(crowd[i]);
	session_client_destroy(c);
}

static void
test_the_guest_who_sat_longest_leaves_first(void **state)
{
	struct fixture *f = *state;
	int guests[20];

	int64_t start_ms = now_ms();

	/* All within the same millisecond or so. */
	for (size_t i = 0; i < ARRAY_LEN(guests); i++) {
		guests[i] = raw_connect(f);
		assert_int_equal(session_server_step(f->server), SESSION_SAME);
	}
	for (size_t i = 0; i < ARRAY_LEN(guests) && now_ms() - start_ms < 1000; i++)
		assert_int_equal(is_closed(guests[i]), i < ARRAY_LEN(guests) - 8);
	for (size_t i = 0; i < ARRAY_LEN(guests); i++)
		close(guests[i]);
}

static void
test_a_storm_of_doorbells_does_not_hold_the_server(void **state)
{
	struct fixture *f = *state;
	struct raw_session s = raw_session_begin(f);
	pid_t child = fork();

	assert_true(child >= 0);
	while (child == 0)
		(void)send(s.socket, "!!", 2, MSG_NOSIGNAL);
	for (int i = 0; i < 2000; i++) {
		struct stopwatch watch = stopwatch_start();

		assert_int_equal(session_server_step(f->server), SESSION_SAME);
		assert_did_not_block(&watch);
	}
	/* Another is still heard. */
	assert_null(client_connect(f));
	assert_int_equal(errno, EBUSY);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	raw_session_end(&s);
}

static void
put_raw(const struct raw_session *s, const struct message *m)
{
	uint32_t head = atomic_load(&s->d->command_head.value);

	s->d->commands[head % SESSION_COMMAND_SLOTS] = *m;
	atomic_store(&s->d->command_head.value, head + 1);
}

/* The session is closed, with this in its reason; the next one works. */
static void
assert_closed_for(struct fixture *f, const struct raw_session *s, const char *reason)
{
	struct message m;

	assert_non_null(strstr(session_server_reason(f->server), reason));
	assert_closed(s->socket);
	assert_int_equal(session_server_get(f->server, &m), 0);
	message_init(&m, MSG_TXN_ANSWER);
	assert_int_equal(session_server_answer(f->server, &m), -ENOTCONN);
	step_until(f->server, SESSION_CLOSED);
	step_for(f->server, 5);
	raw_session_end(s);
}

static void
test_a_malformed_command_ends_the_session(void **state)
{
	struct fixture *f = *state;
	struct raw_session s = raw_session_begin(f);
	struct message m = numbered_command(1);

	m.reserved = 1;
	put_raw(&s, &m);
	assert_int_equal(session_server_get(f->server, &m), -EPROTO);
	assert_closed_for(f, &s, "malformed message");

	s = raw_session_begin(f);
	message_init(&m, MSG_TXN_ANSWER);
	put_raw(&s, &m);
	assert_int_equal(session_server_get(f->server, &m), -EPROTO);
	assert_closed_for(f, &s, "malformed message");
}

static void
test_a_gap_or_repetition_in_the_sequence_ends_the_session(void **state)
{
	static const uint64_t seconds[] = { 0, 2, UINT64_MAX };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(seconds); i++) {
		struct raw_session s = raw_session_begin(f);
		struct message m = numbered_command(1);

		put_raw(&s, &m);
		m.sequence = seconds[i];
		put_raw(&s, &m);
		assert_int_equal(session_server_get(f->server, &m), 1);
		assert_int_equal(session_server_get(f->server, &m), -EPROTO);
		assert_closed_for(f, &s, "where 1 was due");
	}
}

static void
test_impossible_indexes_end_the_session(void **state)
{
	struct fixture *f = *state;
	struct raw_session s = raw_session_begin(f);
	struct message m;

	atomic_store(&s.d->command_head.value, SESSION_COMMAND_SLOTS + 1);
	assert_int_equal(session_server_get(f->server, &m), -EPROTO);
	assert_closed_for(f, &s, "head of the command ring");

	s = raw_session_begin(f);
	atomic_store(&s.d->answer_tail.value, 1);
	message_init(&m, MSG_TXN_ANSWER);
	assert_int_equal(session_server_answer(f->server, &m), -EPROTO);
	assert_closed_for(f, &s, "tail of the answer ring");

	s = raw_session_begin(f);
	atomic_store(&s.d->event_tail.value, UINT32_MAX - SESSION_EVENT_SLOTS);
	message_init(&m, MSG_EVENTS_LOST);
	session_server_event(f->server, &m);
	assert_closed_for(f, &s, "tail of the event ring");

	/* Also when the tail turns bad while lost events wait to be told. */
	s = raw_session_begin(f);
	for (int i = 0; i < SESSION_EVENT_SLOTS + 1; i++)
		session_server_event(f->server, &m);
	atomic_store(&s.d->event_tail.value, SESSION_EVENT_SLOTS + 1);
	session_server_flush(f->server);
	assert_closed_for(f, &s, "tail of the event ring");
}

struct scribbling {
	const struct raw_session *session;
	unsigned int seed;
	bool plausible; /* A daemon that works, but for a random byte now and then. */
	atomic_bool stop;
	atomic_uint nb;
};

/* Random words anywhere in D, indexes more often. */
static void
scribble_anywhere(struct region_d *d, unsigned int *seed)
{
	_Atomic uint32_t *indexes[] = { &d->command_head.value, &d->answer_tail.value,
		&d->event_tail.value };
	uint64_t random = (uint64_t)rand_r(seed) << 33 ^ (uint64_t)rand_r(seed) << 11;

	__atomic_store_n((uint64_t *)d + (random >> 12) % (sizeof(*d) / 8), random,
			__ATOMIC_RELAXED);
	if (random % 16 == 0)
		atomic_store(indexes[(random >> 8) % 3], (uint32_t)(random >> 30));
}

/* Put the next command, read what came, and spoil one byte of some slot. */
static void
scribble_between_work(const struct raw_session *s, uint32_t *next, unsigned int *seed)
{
	uint8_t *slots = (uint8_t *)s->d->commands;
	struct message m = numbered_command(*next);
	uint64_t words[MESSAGE_SIZE / 8];

	atomic_store(&s->d->answer_tail.value, atomic_load(&s->p->answer_head.value));
	atomic_store(&s->d->event_tail.value, atomic_load(&s->p->event_head.value));
	/* Few on their way, so that most are read before they are spoilt. */
	if (*next - atomic_load(&s->p->command_tail.value) >= 64) {
		sched_yield();
		return;
	}
	__atomic_store_n(&slots[(size_t)rand_r(seed) % sizeof(s->d->commands)],
			(uint8_t)rand_r(seed), __ATOMIC_RELAXED);
	m.sequence = *next;
	memcpy(words, &m, sizeof(words));
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		__atomic_store_n((uint64_t *)&s->d->commands[*next % SESSION_COMMAND_SLOTS] + i,
				words[i], __ATOMIC_RELAXED);
	atomic_store(&s->d->command_head.value, ++*next);
}

static void *
scribble(void *arg)
{
	struct scribbling *s = arg;
	uint32_t next = 0;

	while (!atomic_load(&s->stop)) {
		if (s->plausible)
			scribble_between_work(s->session, &next, &s->seed);
		else
			scribble_anywhere(s->session->d, &s->seed);
		atomic_fetch_add(&s->nb, 1);
	}
	return NULL;
}

struct scribbled {
	uint64_t nb; /* Scribbles. */
	uint64_t nb_commands, nb_answers;
};

/* One session under scribbling, until it closes or has stood @p nb_turns. */
static void
session_under_scribbling(
		struct fixture *f, unsigned int seed, int nb_turns, struct scribbled *result)
{
	struct raw_session s = raw_session_begin(f);
	struct scribbling scribbling = { .session = &s, .seed = seed, .plausible = seed % 2 };
	pthread_t thread;
	struct message m;

	assert_int_equal(pthread_create(&thread, NULL, scribble, &scribbling), 0);
	for (int turn = 0; turn < nb_turns; turn++) {
		struct stopwatch watch = stopwatch_start();

		for (int i = 0; i < 100 && session_server_get(f->server, &m) == 1; i++) {
			assert_int_equal(message_check(&m, 1), 0);
			result->nb_commands++;
		}
		message_init(&m, MSG_TXN_ANSWER);
		result->nb_answers += session_server_answer(f->server, &m) == 0;
		message_init(&m, MSG_EVENTS_LOST);
		session_server_event(f->server, &m);
		session_server_flush(f->server);
		assert_did_not_block(&watch);
		if (session_server_step(f->server) == SESSION_CLOSED)
			break;
	}
	/* Let it go on over what nobody reads any more. */
	for (int i = 0; i < 20 && atomic_load(&scribbling.nb) < 2000; i++)
		usleep(50);
	atomic_store(&scribbling.stop, true);
	pthread_join(thread, NULL);
	raw_session_end(&s);
	session_server_close(f->server);
	(void)session_server_step(f->server);
	result->nb += scribbling.nb;
}

static void
test_a_million_scribbles_over_all_that_the_daemon_can_write(void **state)
{
	struct fixture *f = *state;
	int nb_fds = nb_open_fds();
	struct scribbled result = { 0 };
	struct session_client *c;

	/* And until enough came through between them: how much depends on the machine. */
	for (unsigned int seed = 1; result.nb < 1000000 || result.nb_commands < 1000 ||
			result.nb_answers < 1000;
			seed++)
		session_under_scribbling(f, seed, 10000, &result);
	assert_int_equal(nb_open_fds(), nb_fds);
	/* And the next daemon is served. */
	step_for(f->server, 10);
	c = client_connect(f);
	assert_undisturbed(f, c);
	session_client_destroy(c);
}

static void
test_without_descriptors_it_waits_instead_of_spinning(void **state)
{
	struct fixture *f = *state;
	struct pollfd p = { .fd = session_server_fd(f->server), .events = POLLIN };
	struct rlimit saved, none;
	int fd = raw_connect(f);
	int nb_wakes = 0;
	int64_t end_ms;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &saved), 0);
	none = saved;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (end_ms = now_ms() + 500; now_ms() < end_ms;) {
		nb_wakes += poll(&p, 1, 50) > 0;
		assert_int_equal(session_server_step(f->server), SESSION_SAME);
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &saved), 0);
	assert_in_range(nb_wakes, 1, 12);
	assert_non_null(strstr(session_server_reason(f->server), "cannot accept"));
	raw_hello(fd, 1, 1);
	step_until(f->server, SESSION_OPENED);
	close(fd);
}

static void
test_a_session_that_cannot_be_made_is_no_session(void **state)
{
	struct fixture *f = *state;
	int nb_fds = nb_open_fds();
	struct rlimit saved, few;
	int nb_failed = 0;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &saved), 0);
	few = saved;
	for (few.rlim_cur = 3;; few.rlim_cur++) {
		int fd = raw_connect(f);
		enum session_change change;

		step_for(f->server, 120); /* It is a guest now. */
		raw_hello(fd, 1, 1);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		change = session_server_step(f->server);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &saved), 0);
		if (change == SESSION_OPENED) {
			close(fd);
			break;
		}
		nb_failed++;
		assert_non_null(strstr(session_server_reason(f->server), "no session: "));
		assert_closed(fd);
		close(fd);
		assert_int_equal(nb_open_fds(), nb_fds);
	}
	/* Also between D and P. */
	assert_true(nb_failed > 2);
}

/* Connect as another user; exit code is errno of the refusal, or 0. */
static int
connect_as(struct fixture *f, uid_t uid)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		struct session_client *c;

		if (setgroups(0, NULL) != 0 || setgid(uid) != 0 || setuid(uid) != 0)
			_exit(200);
		c = session_client_connect(f->path, 1000);
		_exit(c == NULL ? errno : 0);
	}
	while (waitpid(child, &status, WNOHANG) == 0)
		(void)session_server_step(f->server);
	(void)session_server_step(f->server);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
test_only_root_ourselves_and_the_configured_user_may_connect(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(f->dir, 0711), 0);
	assert_int_equal(connect_as(f, 0), 0);
	assert_int_equal(connect_as(f, 65534), EACCES); /* By the file's mode. */
	assert_int_equal(chmod(f->path, 0666), 0);
	assert_int_equal(connect_as(f, 65534), EACCES); /* By its credentials. */
	assert_non_null(strstr(session_server_reason(f->server), "user 65534 may not"));

	session_server_destroy(f->server);
	f->server = fixture_serve(f, 65534);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_uid, 65534);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(connect_as(f, 65534), 0);
	assert_int_equal(connect_as(f, 0), 0);
	assert_int_equal(connect_as(f, 65533), EACCES);
	assert_int_equal(chmod(f->path, 0666), 0);
	assert_int_equal(connect_as(f, 65533), EACCES);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, fixture_create, fixture_destroy)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(test_a_silent_connection_is_closed_after_a_second),
		WITH_SERVER(test_garbage_instead_of_a_hello_is_closed),
		WITH_SERVER(test_only_a_common_version_opens_a_session),
		cmocka_unit_test(test_the_highest_common_version_is_chosen),
		WITH_SERVER(test_descriptors_that_a_peer_sends_are_not_kept),
		cmocka_unit_test(test_descriptors_that_come_with_doorbells_are_dropped),
		cmocka_unit_test(test_doorbells_are_taken_in_bounded_numbers),
		WITH_SERVER(test_an_empty_datagram_ends_the_session),
		WITH_SERVER(test_a_half_closed_connection_ends_the_session),
		WITH_SERVER(test_a_thousand_quick_connections_do_not_disturb_the_session),
		WITH_SERVER(test_a_crowd_of_silent_connections_does_not_keep_a_daemon_out),
		WITH_SERVER(test_the_guest_who_sat_longest_leaves_first),
		WITH_SERVER(test_a_storm_of_doorbells_does_not_hold_the_server),
		WITH_SERVER(test_a_malformed_command_ends_the_session),
		WITH_SERVER(test_a_gap_or_repetition_in_the_sequence_ends_the_session),
		WITH_SERVER(test_impossible_indexes_end_the_session),
		WITH_SERVER(test_a_million_scribbles_over_all_that_the_daemon_can_write),
		WITH_SERVER(test_without_descriptors_it_waits_instead_of_spinning),
		WITH_SERVER(test_a_session_that_cannot_be_made_is_no_session),
		WITH_SERVER(test_only_root_ourselves_and_the_configured_user_may_connect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
