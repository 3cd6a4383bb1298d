/* SPDX-License-Identifier: BSD-3-Clause */
/* A session between two ends that behave, in one process and between two. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session_fixture.h"

#include "channel/stats.h"

static struct message
answer(uint64_t txn)
{
	struct message m;

	message_init(&m, MSG_TXN_ANSWER);
	m.TXN_ANSWER.txn = txn;
	return m;
}

static struct message
link_event(uint8_t up)
{
	struct message m;

	message_init(&m, MSG_LINK_EVENT);
	strcpy(m.LINK_EVENT.port, "wan0");
	m.LINK_EVENT.up = up;
	return m;
}

static void
assert_doorbell(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
}

static void
test_commands_answers_and_events_arrive_in_order(void **state)
{
	struct fixture *f = *state;
	struct session_client *c = client_connect(f);
	struct message m;

	assert_non_null(c);
	for (uint64_t n = 0; n < 3; n++) {
		m = numbered_command(n);
		assert_int_equal(session_client_put(c, &m), 0);
	}
	session_client_flush(c);
	assert_doorbell(session_server_fd(f->server));
	for (uint64_t n = 0; n < 3; n++) {
		assert_int_equal(session_server_get(f->server, &m), 1);
		assert_int_equal(m.TXN_ABORT.txn, n);
		assert_int_equal(m.sequence, n);
	}
	assert_int_equal(session_server_get(f->server, &m), 0);
	step_for(f->server, 20);

	m = link_event(1);
	session_server_event(f->server, &m);
	m = answer(7);
	assert_int_equal(session_server_answer(f->server, &m), 0);
	session_server_flush(f->server);
	assert_doorbell(session_client_fd(c));
	assert_int_equal(session_client_step(c), 0);
	/* Answers come first. */
	assert_int_equal(session_client_get(c, &m), 1);
	assert_int_equal(m.TXN_ANSWER.txn, 7);
	assert_int_equal(session_client_get(c, &m), 1);
	assert_string_equal(m.LINK_EVENT.port, "wan0");
	assert_int_equal(session_client_get(c, &m), 0);
	session_client_destroy(c);
	step_until(f->server, SESSION_CLOSED);
}

static void
test_statistics_are_readable_without_asking(void **state)
{
	struct fixture *f = *state;
	struct session_client *c = client_connect(f);
	const void *stats = session_client_stats(c);

	stat_add(&stats_worker(f->stats.base, 1)->forwarded, 42);
	assert_ptr_not_equal(stats, f->stats.base);
	assert_int_equal(stat_get(&stats_worker(stats, 1)->forwarded), 42);
	session_client_destroy(c);
	step_until(f->server, SESSION_CLOSED);
	/* They outlive the session. */
	c = client_connect(f);
	assert_int_equal(stat_get(&stats_worker(session_client_stats(c), 1)->forwarded), 42);
	session_client_destroy(c);
}

static void
test_a_full_command_ring_pushes_back_and_loses_nothing(void **state)
{
	struct fixture *f = *state;
	struct session_client *c = client_connect(f);
	uint64_t nb_put = 0, nb_got = 0;
	struct message m;
	int ret;

	while (nb_got < 5 * SESSION_COMMAND_SLOTS) {
		do {
			m = numbered_command(nb_put);
			ret = session_client_put(c, &m);
			nb_put += ret == 0;
		} while (ret == 0);
		assert_int_equal(ret, -EAGAIN);
		assert_int_equal(nb_put - nb_got, SESSION_COMMAND_SLOTS);
		session_client_flush(c);

		for (int i = 0; i < 777; i++) {
			assert_int_equal(session_server_get(f->server, &m), 1);
			assert_int_equal(m.TXN_ABORT.txn, nb_got);
			nb_got++;
		}
		/* The daemon hears that there is room. */
		session_server_flush(f->server);
		assert_doorbell(session_client_fd(c));
		assert_int_equal(session_client_step(c), 0);
	}
	session_client_destroy(c);
}

static void
test_a_full_answer_ring_pushes_back(void **state)
{
	struct fixture *f = *state;
	struct session_client *c = client_connect(f);
	struct message m = answer(1);

	for (int i = 0; i < SESSION_ANSWER_SLOTS; i++)
		assert_int_equal(session_server_answer(f->server, &m), 0);
	assert_int_equal(session_server_answer(f->server, &m), -EAGAIN);
	assert_int_equal(session_client_get(c, &m), 1);
	m = answer(2);
	assert_int_equal(session_server_answer(f->server, &m), 0);
	for (int i = 0; i < SESSION_ANSWER_SLOTS; i++)
		assert_int_equal(session_client_get(c, &m), 1);
	assert_int_equal(m.TXN_ANSWER.txn, 2);
	session_client_destroy(c);
}

static void
test_events_without_room_are_counted_and_told(void **state)
{
	struct fixture *f = *state;
	struct session_client *c = client_connect(f);
	struct message m = link_event(0);

	for (int i = 0; i < SESSION_EVENT_SLOTS + 5; i++)
		session_server_event(f->server, &m);
	/* One place: for the news of the loss, not for the next event. */
	assert_int_equal(session_client_get(c, &m), 1);
	m = link_event(1);
	session_server_event(f->server, &m);
	for (int i = 1; i < SESSION_EVENT_SLOTS; i++) {
		assert_int_equal(session_client_get(c, &m), 1);
		assert_int_equal(m.type, MSG_LINK_EVENT);
		assert_int_equal(m.LINK_EVENT.up, 0);
	}
	assert_int_equal(session_client_get(c, &m), 1);
	assert_int_equal(m.type, MSG_EVENTS_LOST);
	assert_int_equal(m.EVENTS_LOST.count, 5);
	assert_int_equal(session_client_get(c, &m), 0);
	/* The sixth is told without another event. */
	step_for(f->server, 10);
	assert_int_equal(session_client_get(c, &m), 1);
	assert_int_equal(m.EVENTS_LOST.count, 1);
	m = link_event(1);
	session_server_event(f->server, &m);
	assert_int_equal(session_client_get(c, &m), 1);
	assert_int_equal(m.type, MSG_LINK_EVENT);
	session_client_destroy(c);
}

static void
test_lost_events_of_one_session_are_not_told_to_the_next(void **state)
{
	struct fixture *f = *state;
	struct session_client *c = client_connect(f);
	struct message m = link_event(0);

	for (int i = 0; i < SESSION_EVENT_SLOTS + 5; i++)
		session_server_event(f->server, &m);
	session_client_destroy(c);
	step_until(f->server, SESSION_CLOSED);
	c = client_connect(f);
	step_for(f->server, 10);
	assert_int_equal(session_client_get(c, &m), 0);
	session_client_destroy(c);
}

/* Events of type @p type that a daemon finds which speaks versions up to @p version. */
static uint32_t
nb_events_seen(struct fixture *f, uint16_t version, enum message_type type)
{
	int socket = raw_connect(f);
	struct session_welcome welcome;
	const struct region_p *p;
	struct message m;
	uint32_t nb;
	int fds[3];

	raw_hello(socket, 1, version);
	step_until(f->server, SESSION_OPENED);
	assert_int_equal(raw_receive(socket, &welcome, sizeof(welcome), fds), sizeof(welcome));
	assert_int_equal(welcome.version, version);
	message_init(&m, type);
	session_server_event(f->server, &m);
	session_server_flush(f->server);
	p = mmap(NULL, sizeof(*p), PROT_READ, MAP_SHARED, fds[1], 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	nb = atomic_load(&p->event_head.value);
	munmap((void *)(uintptr_t)p, sizeof(*p));
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	close(socket);
	step_until(f->server, SESSION_CLOSED);
	return nb;
}

static void
test_an_older_daemon_sees_no_event_that_it_does_not_know(void **state)
{
	assert_int_equal(nb_events_seen(*state, 1, MSG_LINK_EVENT), 1);
	assert_int_equal(nb_events_seen(*state, 1, MSG_SUSPECT_EVENT), 0);
	assert_int_equal(nb_events_seen(*state, 2, MSG_SUSPECT_EVENT), 1);
}

static void
test_more_sessions_than_allowed_are_refused(void **state)
{
	struct fixture *f = *state;
	struct session_client *c;
	int nb_opened = 0;
	int64_t start_ms;

	session_server_destroy(f->server);
	f->sessions_per_s = 20;
	f->server = fixture_serve(f, (uid_t)-1);
	for (start_ms = now_ms(); now_ms() - start_ms < 1000;) {
		c = client_connect(f);
		if (c == NULL) {
			assert_int_equal(errno, EBUSY);
			assert_non_null(strstr(session_server_reason(f->server), "a second"));
			continue;
		}
		session_client_destroy(c);
		step_until(f->server, SESSION_CLOSED);
		nb_opened++;
	}
	/* A second's worth that was saved up, and a second's. */
	assert_in_range(nb_opened, 10, 21 + 20 * (now_ms() - start_ms) / 1000);
}

static void
test_a_newcomer_is_refused_while_a_session_is_active(void **state)
{
	struct fixture *f = *state;
	struct session_client *c = client_connect(f);
	struct message m = numbered_command(1);

	assert_null(client_connect(f));
	assert_int_equal(errno, EBUSY);
	assert_non_null(strstr(session_server_reason(f->server), "another session"));
	/* The first does not notice. */
	assert_int_equal(session_client_step(c), 0);
	assert_int_equal(session_client_put(c, &m), 0);
	assert_int_equal(session_server_get(f->server, &m), 1);
	session_client_destroy(c);
}

static void
test_a_newcomer_takes_the_place_of_a_connection_that_ended(void **state)
{
	struct fixture *f = *state;
	struct session_client *old = client_connect(f);
	struct message m = numbered_command(1);
	int raw, fds[3];
	struct session_welcome welcome;

	/* Many doorbells ahead of the end. */
	for (int i = 0; i < 150; i++) {
		assert_int_equal(session_client_put(old, &m), 0);
		session_client_flush(old);
	}
	session_client_destroy(old);
	raw = raw_connect(f);
	raw_hello(raw, 1, 1);
	step_until(f->server, SESSION_CLOSED);
	step_until(f->server, SESSION_OPENED);
	assert_int_equal(raw_receive(raw, &welcome, sizeof(welcome), fds), sizeof(welcome));
	assert_int_equal(welcome.error, 0);
	/* Nothing of the old one is left. */
	assert_int_equal(session_server_get(f->server, &m), 0);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	close(raw);
}

static void
test_sessions_have_fresh_regions_and_leak_nothing(void **state)
{
	struct fixture *f = *state;
	int nb_before = nb_open_fds();
	int nb_mapped = nb_mapped_regions();

	for (int i = 0; i < 20; i++) {
		struct session_client *c = client_connect(f);
		struct message m = numbered_command(1);

		assert_non_null(c);
		/* A socket each; descriptors of regions are gone. */
		assert_int_equal(nb_open_fds(), nb_before + 2);
		assert_int_equal(nb_mapped_regions(), nb_mapped + 5);
		assert_int_equal(session_server_get(f->server, &m), 0);
		assert_int_equal(session_client_get(c, &m), 0);
		m = numbered_command(1);
		assert_int_equal(session_client_put(c, &m), 0);
		m = answer(1);
		assert_int_equal(session_server_answer(f->server, &m), 0);
		session_client_destroy(c);
		step_until(f->server, SESSION_CLOSED);
		assert_int_equal(nb_open_fds(), nb_before);
		assert_int_equal(nb_mapped_regions(), nb_mapped);
	}
	assert_non_null(strstr(session_server_reason(f->server), "closed the connection"));
}

static void
test_without_a_session_nothing_happens(void **state)
{
	struct fixture *f = *state;
	struct message m = answer(1);

	assert_int_equal(session_server_get(f->server, &m), 0);
	assert_int_equal(session_server_answer(f->server, &m), -ENOTCONN);
	session_server_event(f->server, &m);
	session_server_flush(f->server);
	session_server_close(f->server);
	session_server_destroy(NULL);
	session_client_destroy(NULL);
	step_for(f->server, 10);
	assert_string_equal(session_server_reason(f->server), "no session yet");
}

static void
test_the_client_sees_the_end_of_the_server(void **state)
{
	struct fixture *f = *state;
	struct session_client *c = client_connect(f);
	struct message m = answer(3);

	assert_int_equal(session_server_answer(f->server, &m), 0);
	session_server_close(f->server);
	step_until(f->server, SESSION_CLOSED);
	assert_int_equal(session_client_step(c), -ENOTCONN);
	m = numbered_command(1);
	assert_int_equal(session_client_put(c, &m), -ENOTCONN);
	/* What was answered before can still be read. */
	assert_int_equal(session_client_get(c, &m), 1);
	assert_int_equal(m.TXN_ANSWER.txn, 3);
	session_client_destroy(c);
}

static void
test_a_stale_socket_is_replaced_and_a_served_one_is_not(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_null(fixture_serve(f, (uid_t)-1));
	assert_int_equal(errno, EADDRINUSE);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0660);

	/* A dataplane that dies leaves its file. */
	session_server_destroy(f->server);
	if (fork() == 0)
		_exit(fixture_serve(f, (uid_t)-1) == NULL);
	assert_true(wait(NULL) > 0);
	assert_int_equal(stat(f->path, &st), 0);
	f->server = fixture_serve(f, (uid_t)-1);
	assert_non_null(f->server);
	session_client_destroy(client_connect(f));
}

static void
test_a_path_that_is_something_else_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct fixture other = *f;
	char longer[200];

	snprintf(other.path, sizeof(other.path), "%s/dir", f->dir);
	assert_int_equal(mkdir(other.path, 0700), 0);
	assert_null(fixture_serve(&other, (uid_t)-1));
	assert_int_equal(errno, ENOTSOCK);
	assert_int_equal(rmdir(other.path), 0);

	snprintf(other.path, sizeof(other.path), "%s/none/s", f->dir);
	assert_null(fixture_serve(&other, (uid_t)-1));
	assert_int_equal(errno, ENOENT);

	memset(longer, 'x', sizeof(longer));
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	assert_null(session_client_connect(longer, 100));
	assert_int_equal(errno, ENAMETOOLONG);
}

static void
test_a_destroyed_server_leaves_its_successors_file(void **state)
{
	struct fixture *f = *state;
	struct session_server *old = f->server;
	struct stat st;

	assert_int_equal(unlink(f->path), 0);
	f->server = fixture_serve(f, (uid_t)-1);
	assert_non_null(f->server);
	session_server_destroy(old);
	assert_int_equal(stat(f->path, &st), 0);
}

static void
test_connecting_to_nobody_fails_at_once(void **state)
{
	struct fixture *f = *state;
	struct message m;

	session_server_destroy(f->server);
	f->server = NULL;
	assert_null(session_client_connect(f->path, 1000));
	assert_int_equal(errno, ENOENT);
	if (fork() == 0)
		_exit(fixture_serve(f, (uid_t)-1) == NULL);
	assert_true(wait(NULL) > 0);
	assert_null(session_client_connect(f->path, 1000));
	assert_int_equal(errno, ECONNREFUSED);
	f->server = fixture_serve(f, (uid_t)-1);
	assert_int_equal(session_server_get(f->server, &m), 0);
}

static void
test_a_dataplane_that_does_not_answer_times_out(void **state)
{
	struct fixture *f = *state;
	int64_t start_ms = now_ms();
	int queued[200];
	int nb = 0;

	assert_null(session_client_connect(f->path, 100));
	assert_int_equal(errno, ETIMEDOUT);
	assert_in_range(now_ms() - start_ms, 100, PATIENCE_MS);

	/* Also when its queue is full. */
	while (nb < 200 && (queued[nb] = raw_connect(f)) >= 0 && nb < 62)
		nb++;
	start_ms = now_ms();
	for (int i = 0; i < 4; i++) {
		assert_null(session_client_connect(f->path, 50));
		assert_int_equal(errno, ETIMEDOUT);
	}
	assert_in_range(now_ms() - start_ms, 200, PATIENCE_MS);
	for (int i = 0; i <= nb; i++)
		close(queued[i]);
}

/* A daemon of its own: connects, echoes numbers as commands, until it is killed. */
static pid_t
daemon_start(const struct fixture *f, uint64_t first)
{
	pid_t child = fork();
	struct session_client *c;

	assert_true(child >= 0);
	if (child != 0)
		return child;
	c = session_client_connect(f->path, 2000);
	if (c == NULL)
		_exit(errno);
	for (uint64_t n = first;;) {
		struct message m = numbered_command(n);
		int ret = session_client_put(c, &m);

		if (ret == 0) {
			n++;
			continue;
		}
		if (ret != -EAGAIN || session_client_step(c) != 0)
			_exit(100);
		session_client_flush(c);
		usleep(1000);
	}
}

static void
test_a_killed_daemon_is_followed_by_the_next(void **state)
{
	struct fixture *f = *state;

	for (uint64_t round = 1; round <= 5; round++) {
		pid_t child = daemon_start(f, round << 32);
		struct message m;

		step_until(f->server, SESSION_OPENED);
		for (uint64_t n = 0; n < 10000;) {
			int ret = session_server_get(f->server, &m);

			assert_in_range(ret, 0, 1);
			if (ret == 1)
				assert_int_equal(m.TXN_ABORT.txn, (round << 32) + n++);
			else
				step_for(f->server, 1);
		}
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, NULL, 0), child);
		step_until(f->server, SESSION_CLOSED);
		assert_int_equal(session_server_get(f->server, &m), 0);
	}
}

static void
test_a_stopped_daemon_blocks_nothing(void **state)
{
	struct fixture *f = *state;
	pid_t child = daemon_start(f, 0);
	struct message m;
	int nb_refused = 0;

	step_until(f->server, SESSION_OPENED);
	kill(child, SIGSTOP);
	while (session_server_get(f->server, &m) == 1)
		;
	for (int i = 0; i < 10000; i++) {
		struct stopwatch watch = stopwatch_start();

		m = answer(1);
		nb_refused += session_server_answer(f->server, &m) == -EAGAIN;
		m = link_event(1);
		session_server_event(f->server, &m);
		session_server_flush(f->server);
		assert_int_equal(session_server_step(f->server), SESSION_SAME);
		assert_did_not_block(&watch);
	}
	assert_int_equal(nb_refused, 10000 - SESSION_ANSWER_SLOTS);
	kill(child, SIGCONT);
	while (session_server_get(f->server, &m) == 0)
		step_for(f->server, 1);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	step_until(f->server, SESSION_CLOSED);
}

static void
test_the_daemon_survives_a_killed_dataplane(void **state)
{
	struct fixture *f = *state;
	struct session_client *c;
	struct message m;
	pid_t child;
	int ret;

	session_server_destroy(f->server);
	f->server = NULL;
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct session_server *server = fixture_serve(f, (uid_t)-1);

		for (;;) {
			(void)session_server_step(server);
			m = link_event(1);
			session_server_event(server, &m);
			session_server_flush(server);
			usleep(100);
		}
	}
	while ((c = session_client_connect(f->path, 1000)) == NULL)
		usleep(1000);
	while ((ret = session_client_get(c, &m)) == 0)
		usleep(100);
	assert_int_equal(ret, 1);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(session_client_step(c), -ENOTCONN);
	/* Memory stays: sizes are sealed and the mapping is ours. */
	while ((ret = session_client_get(c, &m)) == 1)
		;
	assert_int_equal(ret, 0);
	assert_int_equal(stats_region_check(session_client_stats(c), f->stats.size), 0);
	session_client_destroy(c);
	f->server = fixture_serve(f, (uid_t)-1);
	assert_non_null(f->server);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, fixture_create, fixture_destroy)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(test_commands_answers_and_events_arrive_in_order),
		WITH_SERVER(test_statistics_are_readable_without_asking),
		WITH_SERVER(test_a_full_command_ring_pushes_back_and_loses_nothing),
		WITH_SERVER(test_a_full_answer_ring_pushes_back),
		WITH_SERVER(test_events_without_room_are_counted_and_told),
		WITH_SERVER(test_lost_events_of_one_session_are_not_told_to_the_next),
		WITH_SERVER(test_an_older_daemon_sees_no_event_that_it_does_not_know),
		WITH_SERVER(test_more_sessions_than_allowed_are_refused),
		WITH_SERVER(test_a_newcomer_is_refused_while_a_session_is_active),
		WITH_SERVER(test_a_newcomer_takes_the_place_of_a_connection_that_ended),
		WITH_SERVER(test_sessions_have_fresh_regions_and_leak_nothing),
		WITH_SERVER(test_without_a_session_nothing_happens),
		WITH_SERVER(test_the_client_sees_the_end_of_the_server),
		WITH_SERVER(test_a_stale_socket_is_replaced_and_a_served_one_is_not),
		WITH_SERVER(test_a_path_that_is_something_else_is_left_alone),
		WITH_SERVER(test_a_destroyed_server_leaves_its_successors_file),
		WITH_SERVER(test_connecting_to_nobody_fails_at_once),
		WITH_SERVER(test_a_dataplane_that_does_not_answer_times_out),
		WITH_SERVER(test_a_killed_daemon_is_followed_by_the_next),
		WITH_SERVER(test_a_stopped_daemon_blocks_nothing),
		WITH_SERVER(test_the_daemon_survives_a_killed_dataplane),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
