/* SPDX-License-Identifier: BSD-3-Clause */
/* The daemon's side against dataplanes that are not what they should be. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "session_fixture.h"

#include "channel/stats.h"

/* A dataplane by hand: its parts are right, until a test spoils one. */
struct fake {
	struct fixture f;
	struct region d, p;
	int listener;
	struct session_welcome welcome;
	size_t len;
	int fds[253];
	int nb_fds;
	int socket; /* Of the connection that was welcomed. */
};

static int
fake_create(void **state)
{
	struct fake *k = calloc(1, sizeof(*k));
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	assert_non_null(k);
	strcpy(k->f.dir, "/tmp/guideway-client-XXXXXX");
	assert_non_null(mkdtemp(k->f.dir));
	snprintf(k->f.path, sizeof(k->f.path), "%s/s", k->f.dir);
	strcpy(addr.sun_path, k->f.path);
	k->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(k->listener, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(k->listener, 10), 0);

	assert_int_equal(region_create(&k->d, REGION_D, sizeof(struct region_d)), 0);
	assert_int_equal(region_create(&k->p, REGION_P, sizeof(struct region_p)), 0);
	assert_int_equal(region_create(&k->f.stats, REGION_STATS, stats_region_size(1, 1, 1)), 0);
	stats_region_init(k->f.stats.base, 1, 1, 1);
	k->welcome = (struct session_welcome){
		.magic = SESSION_MAGIC,
		.version = CHANNEL_VERSION_MAX,
		.command_slots = SESSION_COMMAND_SLOTS,
		.answer_slots = SESSION_ANSWER_SLOTS,
		.event_slots = SESSION_EVENT_SLOTS,
		.d_size = sizeof(struct region_d),
		.p_size = sizeof(struct region_p),
		.stats_size = k->f.stats.size,
	};
	k->len = sizeof(k->welcome);
	k->fds[0] = k->d.fd;
	k->fds[1] = k->p.fd;
	k->fds[2] = k->f.stats.fd;
	k->nb_fds = 3;
	k->socket = -1;
	*state = k;
	return 0;
}

static int
fake_destroy(void **state)
{
	struct fake *k = *state;

	if (k->socket >= 0)
		close(k->socket);
	close(k->listener);
	unlink(k->f.path);
	assert_int_equal(rmdir(k->f.dir), 0);
	region_close(&k->f.stats);
	region_close(&k->p);
	region_close(&k->d);
	free(k);
	return 0;
}

static void *
fake_welcome(void *arg)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(253 * sizeof(int))];
	} control = { 0 };
	struct fake *k = arg;
	uint8_t bytes[256] = { 0 };
	struct iovec iov = { .iov_base = bytes, .iov_len = k->len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct session_hello hello;

	memcpy(bytes, &k->welcome, sizeof(k->welcome));
	if (k->nb_fds > 0) {
		struct cmsghdr *cmsg;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE((size_t)k->nb_fds * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN((size_t)k->nb_fds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), k->fds, (size_t)k->nb_fds * sizeof(int));
	}
	k->socket = accept4(k->listener, NULL, NULL, SOCK_CLOEXEC);
	if (recv(k->socket, &hello, sizeof(hello), 0) != sizeof(hello) ||
			hello.magic != SESSION_MAGIC || hello.version_min != CHANNEL_VERSION_MIN ||
			hello.version_max != CHANNEL_VERSION_MAX)
		abort();
	(void)!sendmsg(k->socket, &msg, MSG_NOSIGNAL);
	return NULL;
}

static struct session_client *
fake_connect(struct fake *k)
{
	struct session_client *c;
	pthread_t thread;
	int error;

	assert_int_equal(pthread_create(&thread, NULL, fake_welcome, k), 0);
	c = session_client_connect(k->f.path, 2000);
	error = errno;
	pthread_join(thread, NULL);
	errno = error;
	return c;
}

/* It is refused with @p error, and nothing of it stays. */
static void
assert_refused(struct fake *k, int error)
{
	int nb_fds = nb_open_fds();

	assert_null(fake_connect(k));
	assert_int_equal(errno, error);
	close(k->socket);
	k->socket = -1;
	assert_int_equal(nb_open_fds(), nb_fds);
}

static void
test_a_right_welcome_is_accepted(void **state)
{
	struct fake *k = *state;
	int nb_fds = nb_open_fds();
	struct session_client *c = fake_connect(k);

	assert_non_null(c);
	/* Of the session, only its two sockets are open. */
	assert_int_equal(nb_open_fds(), nb_fds + 2);
	session_client_destroy(c);
}

static void
test_a_wrong_field_of_the_welcome_is_refused(void **state)
{
	static const struct {
		size_t offset;
		uint64_t flip;
	} changes[] = { { offsetof(struct session_welcome, magic), 1 },
		{ offsetof(struct session_welcome, version),
				CHANNEL_VERSION_MAX ^ (CHANNEL_VERSION_MAX + 1) },
		{ offsetof(struct session_welcome, version), CHANNEL_VERSION_MAX },
		{ offsetof(struct session_welcome, version), 0x8000 },
		{ offsetof(struct session_welcome, error), EBUSY },
		{ offsetof(struct session_welcome, command_slots), 1 },
		{ offsetof(struct session_welcome, command_slots), SESSION_COMMAND_SLOTS },
		{ offsetof(struct session_welcome, answer_slots), 512 },
		{ offsetof(struct session_welcome, event_slots), 0x80000000 },
		{ offsetof(struct session_welcome, reserved), 1 },
		{ offsetof(struct session_welcome, d_size), 4096 },
		{ offsetof(struct session_welcome, d_size), sizeof(struct region_d) },
		{ offsetof(struct session_welcome, p_size), UINT64_C(1) << 63 },
		{ offsetof(struct session_welcome, stats_size), 4096 } };
	struct fake *k = *state;
	struct session_welcome right = k->welcome;

	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		uint8_t *field = (uint8_t *)&k->welcome + changes[i].offset;

		for (size_t b = 0; b < 8 && changes[i].offset + b < sizeof(right); b++)
			field[b] ^= (uint8_t)(changes[i].flip >> 8 * b);
		assert_refused(k, EPROTO);
		k->welcome = right;
	}
	session_client_destroy(fake_connect(k));
}

static void
test_a_welcome_of_another_length_is_refused(void **state)
{
	static const size_t lens[] = { 1, 6, 47, 49, 200 };
	struct fake *k = *state;

	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		k->len = lens[i];
		assert_refused(k, EPROTO);
	}
	/* Nothing but descriptors. */
	k->len = 0;
	assert_refused(k, EPROTO);
	/* The end. */
	k->nb_fds = 0;
	assert_refused(k, ECONNREFUSED);
}

static void
test_another_number_of_descriptors_is_refused(void **state)
{
	static const int numbers[] = { 0, 1, 2, 4, 5, 252, 253 };
	struct fake *k = *state;

	for (size_t i = 3; i < ARRAY_LEN(k->fds); i++)
		k->fds[i] = k->fds[i % 3];
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		k->nb_fds = numbers[i];
		assert_refused(k, EPROTO);
	}
}

static void
test_errors_of_the_dataplane_are_passed_on(void **state)
{
	static const struct {
		uint16_t error;
		int expected;
	} errors[] = { { EBUSY, EBUSY }, { EPROTONOSUPPORT, EPROTONOSUPPORT }, { EACCES, EACCES },
		{ 0, EPROTO }, { 0xffff, EPROTO }, { EAGAIN, EPROTO } };
	struct fake *k = *state;

	k->welcome.version = 0;
	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		k->nb_fds = 0;
		k->welcome.error = errors[i].error;
		assert_refused(k, errors[i].expected);
		/* An error has no descriptors. */
		k->nb_fds = 3;
		assert_refused(k, EPROTO);
	}
}

static void
test_regions_without_their_seals_or_sizes_are_refused(void **state)
{
	static const int seals[] = { 0, F_SEAL_SHRINK, F_SEAL_SHRINK | F_SEAL_GROW,
		F_SEAL_SHRINK | F_SEAL_SEAL | F_SEAL_FUTURE_WRITE,
		F_SEAL_GROW | F_SEAL_SEAL | F_SEAL_FUTURE_WRITE };
	struct fake *k = *state;
	struct region sealed;

	for (int which = 0; which < 3; which++) {
		const off_t sizes[] = { (off_t)k->welcome.d_size, (off_t)k->welcome.p_size,
			(off_t)k->welcome.stats_size };
		int right = k->fds[which];

		for (size_t i = 0; i < ARRAY_LEN(seals); i++) {
			k->fds[which] = memfd_create("fake", MFD_CLOEXEC | MFD_ALLOW_SEALING);
			assert_int_equal(ftruncate(k->fds[which], sizes[which]), 0);
			assert_int_equal(fcntl(k->fds[which], F_ADD_SEALS, seals[i]), 0);
			assert_refused(k, EPROTO);
			close(k->fds[which]);
		}
		k->fds[which] = 0;
		assert_refused(k, EPROTO);
		k->fds[which] = k->fds[(which + 1) % 3];
		assert_refused(k, EPROTO);
		k->fds[which] = right;
	}
	/* A D that only the dataplane could write. */
	assert_int_equal(region_create(&sealed, REGION_P, sizeof(struct region_d)), 0);
	k->fds[0] = sealed.fd;
	assert_refused(k, EPROTO);
	region_close(&sealed);
}

static void
test_statistics_that_do_not_fit_are_refused(void **state)
{
	struct fake *k = *state;
	struct stats_header *h = k->f.stats.base;

	h->max_members = UINT32_MAX;
	assert_refused(k, EPROTO);
	h->max_members = 1;
	session_client_destroy(fake_connect(k));
}

static void
test_a_dataplane_that_breaks_the_protocol_is_not_read_on(void **state)
{
	struct fake *k = *state;
	struct region_p *p = k->p.base;
	struct session_client *c = fake_connect(k);
	struct message m;

	/* A command among answers. */
	p->answers[0] = numbered_command(1);
	atomic_store(&p->answer_head.value, 1);
	assert_int_equal(session_client_get(c, &m), -EPROTO);
	message_init(&p->answers[1], MSG_TXN_ANSWER);
	p->answers[1].sequence = 1;
	atomic_store(&p->answer_head.value, 2);
	assert_int_equal(session_client_get(c, &m), -EPROTO);
	m = numbered_command(1);
	assert_int_equal(session_client_put(c, &m), -EPROTO);
	session_client_destroy(c);
	close(k->socket);

	/* A gap in the sequence. */
	message_init(&p->answers[0], MSG_TXN_ANSWER);
	p->answers[0].sequence = 1;
	atomic_store(&p->answer_head.value, 1);
	c = fake_connect(k);
	assert_int_equal(session_client_get(c, &m), -EPROTO);
	session_client_destroy(c);
	close(k->socket);

	/* Impossible heads and tails. */
	for (int which = 0; which < 3; which++) {
		_Atomic uint32_t *indexes[] = { &p->answer_head.value, &p->event_head.value,
			&p->command_tail.value };

		for (int i = 0; i < 3; i++)
			atomic_store(indexes[i], i == which ? 70000 : 0);
		c = fake_connect(k);
		m = numbered_command(1);
		if (which == 2)
			assert_int_equal(session_client_put(c, &m), -EPROTO);
		else
			assert_int_equal(session_client_get(c, &m), -EPROTO);
		session_client_destroy(c);
		if (which != 2)
			close(k->socket);
	}
}

static void
test_an_event_of_a_later_version_than_the_sessions_is_refused(void **state)
{
	struct fake *k = *state;
	struct region_p *p = k->p.base;
	struct message *m = &p->events[0];

	message_init(m, MSG_SUSPECT_EVENT);
	m->SUSPECT_EVENT = (struct msg_suspect_event){
		.service = { .vip = { .bytes = { 10 }, .family = IP_V4 },
				.l4_port = 80,
				.protocol = PROTOCOL_TCP },
		.backend = { .bytes = { 10, 1 }, .family = IP_V4 },
		.kind = SUSPECT_RESETS,
		.count = 3,
	};
	atomic_store(&p->event_head.value, 1);
	for (uint16_t version = CHANNEL_VERSION_MIN; version <= CHANNEL_VERSION_MAX; version++) {
		struct session_client *c;
		struct message got;

		k->welcome.version = version;
		c = fake_connect(k);
		assert_non_null(c);
		assert_int_equal(session_client_version(c), version);
		assert_int_equal(session_client_get(c, &got), version >= 2 ? 1 : -EPROTO);
		session_client_destroy(c);
		close(k->socket);
	}
	k->socket = -1;
}

#define WITH_FAKE(test) cmocka_unit_test_setup_teardown(test, fake_create, fake_destroy)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FAKE(test_a_right_welcome_is_accepted),
		WITH_FAKE(test_a_wrong_field_of_the_welcome_is_refused),
		WITH_FAKE(test_a_welcome_of_another_length_is_refused),
		WITH_FAKE(test_another_number_of_descriptors_is_refused),
		WITH_FAKE(test_errors_of_the_dataplane_are_passed_on),
		WITH_FAKE(test_regions_without_their_seals_or_sizes_are_refused),
		WITH_FAKE(test_statistics_that_do_not_fit_are_refused),
		WITH_FAKE(test_a_dataplane_that_breaks_the_protocol_is_not_read_on),
		WITH_FAKE(test_an_event_of_a_later_version_than_the_sessions_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
