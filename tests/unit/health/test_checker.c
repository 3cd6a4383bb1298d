/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <ev.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"

#include "controlplane/clock.h"
#include "controlplane/health/checker.h"

/* A machine may be slow; a checker that does not work is found after this. */
#define PATIENCE_S 30

static struct ev_loop *loop;
static struct checker *checker;
static unsigned int nb_changed;

static void
on_changed(void *context)
{
	(void)context;
	nb_changed++;
}

static int
setup(void **state)
{
	(void)state;
	loop = ev_loop_new(EVFLAG_AUTO);
	checker = checker_create(loop, "/nonexistent/pinger.sock", on_changed, NULL);
	return loop != NULL && checker != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	checker_destroy(checker);
	ev_loop_destroy(loop);
	return 0;
}

static void
on_tick(struct ev_loop *l, ev_timer *w, int events)
{
	(void)w;
	(void)events;
	ev_break(l, EVBREAK_ONE);
}

/** Let the main loop run for a moment. */
static void
run_for(double seconds)
{
	ev_timer tick;

	ev_timer_init(&tick, on_tick, seconds, 0.);
	ev_timer_start(loop, &tick);
	ev_run(loop, 0);
	ev_timer_stop(loop, &tick);
}

/** A socket that listens on a free port of 127.0.0.1. */
static int
listen_somewhere(uint16_t *port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(listen(fd, 128), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	*port = ntohs(addr.sin_port);
	return fd;
}

static struct check
check_of(uint16_t port)
{
	struct check c;

	check_init(&c, CHECK_TCP);
	c.addr = ip_addr_from_bytes(IP_V4, (uint8_t[]){ 127, 0, 0, 1 });
	c.l4_port = port;
	c.interval_ms = 20;
	c.fast_interval_ms = 10;
	c.timeout_ms = 1000;
	return c;
}

static void
use(const struct check *checks, uint32_t nb)
{
	struct check_set *set = check_set_make(checks, nb);

	assert_non_null(set);
	checker_set(checker, set);
	check_set_unref(set);
}

/** Wait until check @p index has this health. */
static struct check_state
wait_for(uint32_t index, uint8_t health)
{
	uint64_t deadline = clock_monotonic_us() + PATIENCE_S * UINT64_C(1000000);
	struct check_state s = { .health = 0 };

	while (clock_monotonic_us() < deadline) {
		if (checker_look(checker, index, &s) && s.health == health)
			return s;
		run_for(0.005);
	}
	fail_msg("health is %s", backend_health_name(s.health));
	return s;
}

static void
test_a_port_that_listens_is_up_and_one_that_closes_goes_down_and_returns(void **state)
{
	struct check_state s;
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct check c;
	uint16_t port;
	struct checker_verdict verdicts[2];
	uint64_t begin_us = clock_monotonic_us(), first_us = 0;
	int one = 1, fd = listen_somewhere(&port);

	(void)state;
	c = check_of(port);
	use(&c, 1);
	s = wait_for(0, HEALTH_UP);
	assert_true(s.last_good);
	assert_true(s.latency_us > 0);
	assert_string_equal(s.why, "");
	assert_int_equal(checker_take(checker, verdicts, ARRAY_LEN(verdicts), &first_us), 1);
	assert_int_equal(verdicts[0].index, 0);
	assert_int_equal(verdicts[0].health, HEALTH_UP);
	assert_true(first_us >= begin_us && first_us <= clock_monotonic_us());
	assert_int_equal(s.health, HEALTH_UP);
	assert_int_equal(checker_take(checker, verdicts, ARRAY_LEN(verdicts), &first_us), 0);

	close(fd);
	s = wait_for(0, HEALTH_DOWN);
	assert_string_equal(s.why, "connection refused");
	assert_true(s.nb_bad >= c.fall);

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	addr.sin_port = htons(port);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 128), 0);
	wait_for(0, HEALTH_UP);
	assert_true(nb_changed >= 3);
	close(fd);
}

/** Accept one connection and answer with @p text. */
static void
answer(int fd, const char *text)
{
	int peer = accept(fd, NULL, NULL);
	char buf[64];

	assert_true(peer >= 0);
	assert_true(recv(peer, buf, sizeof(buf), 0) >= 0);
	send(peer, text, strlen(text), MSG_NOSIGNAL);
	close(peer);
}

/** Send the one, if any, and expect the other. */
static struct exchange *
exchange_of(const char *sent, const char *expected)
{
	struct exchange draft, *made;

	exchange_init(&draft);
	draft.texts[TEXT_SEND] = (struct check_text){ sent, (uint16_t)strlen(sent) };
	draft.texts[TEXT_EXPECT] = (struct check_text){ expected, (uint16_t)strlen(expected) };
	made = exchange_make(&draft);
	assert_non_null(made);
	return made;
}

static void
test_the_expected_text_decides(void **state)
{
	struct check_state s;
	struct check c;
	uint16_t port;
	int fd = listen_somewhere(&port);

	(void)state;
	c = check_of(port);
	c.timeout_ms = 10000;
	c.fall = 2;
	c.exchange = exchange_of("PING\r\n", "PONG");
	use(&c, 1);
	exchange_unref(c.exchange);
	answer(fd, "+PONG\r\n");
	wait_for(0, HEALTH_UP);
	answer(fd, "-LOADING\r\n");
	answer(fd, "-LOADING\r\n");
	s = wait_for(0, HEALTH_DOWN);
	assert_string_equal(s.why, "closed without the expected text");
	close(fd);
}

static void
test_silence_is_down_after_the_timeout(void **state)
{
	struct check_state s;
	struct check c;
	uint16_t port;
	int fd = listen_somewhere(&port);

	(void)state;
	c = check_of(port);
	c.timeout_ms = 50;
	c.exchange = exchange_of("", "220 ");
	use(&c, 1);
	exchange_unref(c.exchange);
	s = wait_for(0, HEALTH_DOWN);
	assert_string_equal(s.why, "connected, but the expected text does not come");
	close(fd);
}

/** Suspect the only check of a set that is just taken into use. */
static void
suspect_when_taken_over(void)
{
	uint64_t deadline = clock_monotonic_us() + PATIENCE_S * UINT64_C(1000000);
	struct check_state s;

	while (!checker_look(checker, 0, &s)) {
		assert_true(clock_monotonic_us() < deadline);
		run_for(0.005);
	}
	checker_suspect(checker, 0);
}

static void
test_suspicion_makes_one_refusal_enough(void **state)
{
	struct check_state s;
	struct check c;
	uint16_t port;
	int fd = listen_somewhere(&port);

	(void)state;
	c = check_of(port);
	c.interval_ms = CHECK_MAX_INTERVAL_MS;
	c.fast_interval_ms = CHECK_MAX_INTERVAL_MS;
	use(&c, 1);
	suspect_when_taken_over(); /* The first attempt would come within an hour. */
	s = wait_for(0, HEALTH_UP);
	assert_int_equal(s.nb_attempts, 1);
	close(fd);
	checker_suspect(checker, 0);
	s = wait_for(0, HEALTH_DOWN);
	assert_int_equal(s.nb_attempts, 2);
}

static void
test_a_suspect_that_is_dying_may_pass_once(void **state)
{
	struct check_state s;
	struct check c;
	uint16_t port;
	int fd = listen_somewhere(&port);

	(void)state;
	c = check_of(port);
	c.interval_ms = CHECK_MAX_INTERVAL_MS;
	c.fast_interval_ms = 100;
	c.rise = CHECK_MAX_STREAK; /* For longer than the socket takes to be closed. */
	use(&c, 1);
	suspect_when_taken_over();
	wait_for(0, HEALTH_UP);
	close(fd);
	s = wait_for(0, HEALTH_DOWN);
	assert_int_equal(s.nb_bad, 1);
	run_for(0.5); /* It was found out: the next attempt comes within an hour. */
	assert_true(checker_look(checker, 0, &s));
	assert_int_equal(s.nb_bad, 1);
}

static void
test_a_suspect_that_passes_is_left_alone_again(void **state)
{
	uint64_t deadline = clock_monotonic_us() + PATIENCE_S * UINT64_C(1000000);
	struct check_state s = { .health = 0 };
	struct check c;
	uint16_t port;
	int fd = listen_somewhere(&port);

	(void)state;
	c = check_of(port);
	c.interval_ms = CHECK_MAX_INTERVAL_MS;
	c.rise = 3;
	use(&c, 1);
	suspect_when_taken_over();
	while (s.nb_attempts - s.nb_trouble < c.rise) {
		assert_true(clock_monotonic_us() < deadline);
		run_for(0.01);
		assert_true(checker_look(checker, 0, &s));
	}
	run_for(0.3);
	assert_true(checker_look(checker, 0, &s));
	assert_int_equal(s.nb_attempts - s.nb_trouble, c.rise);
	assert_int_equal(s.health, HEALTH_UP);
	close(fd);
}

static void
test_suspicion_cannot_make_the_checker_busy(void **state)
{
	struct check_state s;
	struct check c;
	uint16_t port;
	int fd = listen_somewhere(&port);

	(void)state;
	c = check_of(port);
	c.interval_ms = CHECK_MAX_INTERVAL_MS;
	c.fast_interval_ms = CHECK_MAX_INTERVAL_MS;
	use(&c, 1);
	run_for(0.05);
	for (unsigned int i = 0; i < 10 * CHECKER_SUSPECTS_PER_S; i++)
		checker_suspect(checker, i % 2); /* There is no check 1. */
	s = wait_for(0, HEALTH_UP);
	run_for(0.3);
	assert_true(checker_look(checker, 0, &s));
	assert_in_range(s.nb_attempts, 1, 2 * CHECKER_SUSPECTS_PER_S);
	close(fd);
}

static void
test_a_new_set_leaves_alone_what_stays(void **state)
{
	enum {
		NB = 200
	};
	static struct check checks[NB];
	struct check_state before, after;
	uint64_t deadline = clock_monotonic_us() + PATIENCE_S * UINT64_C(1000000);
	uint16_t port;
	int fd = listen_somewhere(&port);

	(void)state;
	srand(4);
	for (unsigned int i = 0; i < NB; i++) {
		checks[i] = check_of((uint16_t)(20000 + i));
		checks[i].addr = ip_addr_from_bytes(
				IP_V4, (uint8_t[]){ 127, 1, 0, (uint8_t)(1 + i) });
	}
	checks[0] = check_of(port);
	use(checks, 1);
	before = wait_for(0, HEALTH_UP);
	for (unsigned int round = 0; round < 200; round++) {
		uint32_t nb = 1 + (uint32_t)rand() % NB;

		use(checks, nb);
		if (round % 10 == 0)
			run_for(0.002);
	}
	use(checks, 1);
	do {
		run_for(0.005);
		assert_true(clock_monotonic_us() < deadline);
	} while (!checker_look(checker, 0, &after));
	assert_int_equal(after.health, HEALTH_UP);
	assert_int_equal(after.changed_ms, before.changed_ms);
	assert_true(after.nb_attempts >= before.nb_attempts);
	assert_int_equal(after.nb_bad, 0);
	use(NULL, 0);
	close(fd);
}

static void
test_without_descriptors_verdicts_stay(void **state)
{
	struct rlimit saved, none;
	struct checker_state self = { .nb_trouble = 0 };
	struct check_state s;
	struct check c;
	uint64_t deadline = clock_monotonic_us() + PATIENCE_S * UINT64_C(1000000);
	uint16_t port;
	int fd = listen_somewhere(&port);

	(void)state;
	c = check_of(port);
	use(&c, 1);
	wait_for(0, HEALTH_UP);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &saved), 0);
	none = saved;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	while (self.nb_trouble < 10 && clock_monotonic_us() < deadline) {
		run_for(0.005);
		checker_state(checker, &self);
	}
	assert_true(checker_look(checker, 0, &s));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &saved), 0);
	assert_true(self.nb_trouble >= 10);
	assert_string_equal(self.trouble, "no file descriptor is left");
	assert_int_equal(s.health, HEALTH_UP);
	assert_int_equal(s.nb_bad, 0);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
				test_a_port_that_listens_is_up_and_one_that_closes_goes_down_and_returns,
				setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_expected_text_decides, setup, teardown),
		cmocka_unit_test_setup_teardown(
				test_silence_is_down_after_the_timeout, setup, teardown),
		cmocka_unit_test_setup_teardown(
				test_suspicion_makes_one_refusal_enough, setup, teardown),
		cmocka_unit_test_setup_teardown(
				test_a_suspect_that_is_dying_may_pass_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
				test_a_suspect_that_passes_is_left_alone_again, setup, teardown),
		cmocka_unit_test_setup_teardown(
				test_suspicion_cannot_make_the_checker_busy, setup, teardown),
		cmocka_unit_test_setup_teardown(
				test_a_new_set_leaves_alone_what_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(
				test_without_descriptors_verdicts_stay, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
