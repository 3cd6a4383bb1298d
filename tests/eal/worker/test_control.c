/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control thread behind its real socket: transactions in every order against a model of
 * the protocol, answers that nobody reads, routes that come later.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pthread.h>

#include <cmocka.h>
#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include "base/bytes.h"
#include "channel/session.h"
#include "dataplane/control.h"
#include "dataplane/control_internal.h"
#include "dataplane/neighbour.h"
#include "dataplane/shared.h"
#include "net/parse.h"
#include "random.h"

#define NB_SERVICES 3
#define NB_BACKENDS 3
#define MAX_MEMBERS (1U << 17)

static struct dataplane dp;
static struct port_conf port_conf;
static char directory[] = "/tmp/gw-control-XXXXXX";
static struct session_client *client;
static pthread_t main_lcore;

static int
start_eal(void)
{
	char *args[] = { (char[]){ "test" }, (char[]){ "--no-huge" }, (char[]){ "--no-shconf" },
		(char[]){ "--no-pci" }, (char[]){ "--no-telemetry" }, (char[]){ "-m" },
		(char[]){ "128" }, (char[]){ "-l" }, (char[]){ "0" },
		(char[]){ "--log-level=warning" }, (char[]){ "--log-level=gw.*:critical" }, NULL };

	return rte_eal_init((int)ARRAY_LEN(args) - 1, args) < 0 ? -1 : 0;
}

static void
interface_make(void)
{
	struct interface_conf *conf = &port_conf.interfaces[0];

	port_conf.nb_interfaces = 1;
	conf->vlan = PACKET_VLAN_NONE;
	conf->nb_addresses = 1;
	assert_int_equal(ip_prefix_parse("10.0.0.1/8", &conf->addresses[0]), 0);
	dp.interfaces.nb = 1;
	dp.interfaces.interfaces[0] = (struct interface){ .mac = { 2, 0, 0, 0, 0, 0x10 },
		.vlan = PACKET_VLAN_NONE,
		.mtu = 1500,
		.l2_len = 14,
		.conf = conf };
	dp.nb_ports = 1;
	dp.ports[0] = (struct port){ .conf = &port_conf, .mtu = 1500, .tap_id = UINT16_MAX };
	dp.ports[0].outbox = rte_ring_create("outbox", 1024, 0, RING_F_SC_DEQ);
	assert_non_null(dp.ports[0].outbox);
}

/* What the main lcore does for neighbours, and the wire: what was sent is gone. */
static void *
run_main_lcore(void *context)
{
	void *frame;

	(void)context;
	rte_rcu_qsbr_thread_register(dp.qsbr, dp.nb_workers);
	rte_rcu_qsbr_thread_online(dp.qsbr, dp.nb_workers);
	while (!atomic_load(&dp.stop)) {
		neighbour_tick(dp.neighbours, control_now_ms());
		rte_rcu_qsbr_quiescent(dp.qsbr, dp.nb_workers);
		while (rte_ring_dequeue(dp.ports[0].outbox, &frame) == 0)
			rte_pktmbuf_free(frame);
		usleep(200);
	}
	rte_rcu_qsbr_thread_offline(dp.qsbr, dp.nb_workers);
	rte_rcu_qsbr_thread_unregister(dp.qsbr, dp.nb_workers);
	neighbours_stop(dp.neighbours);
	return NULL;
}

static void
connect_client(void)
{
	for (int i = 0; i < 100; i++) {
		client = session_client_connect(dp.conf.channel_socket, 5000);
		if (client != NULL)
			return;
		usleep(50000); /* The session before is still known, or too many a second. */
	}
	fail_msg("no session");
}

static int
setup(void **state)
{
	(void)state;
	memset(&dp, 0, sizeof(dp));
	memset(&port_conf, 0, sizeof(port_conf));
	dp.conf.nb_workers = 1;
	dp.nb_workers = 1;
	dp.conf.max_services = 64;
	dp.conf.max_members = MAX_MEMBERS;
	dp.conf.control_uid = (uid_t)-1;
	snprintf(dp.conf.channel_socket, sizeof(dp.conf.channel_socket), "%s/s", directory);
	interface_make();
	assert_int_equal(shared_create(&dp), 0);
	assert_int_equal(exceptions_create(&dp.exceptions), 0);
	dp.neighbours = neighbours_create(&dp);
	assert_non_null(dp.neighbours);
	dp.control = control_create(&dp);
	assert_non_null(dp.control);
	return 0;
}

static int
setup_threads(void **state)
{
	setup(state);
	assert_int_equal(pthread_create(&main_lcore, NULL, run_main_lcore, NULL), 0);
	assert_int_equal(control_start(dp.control), 0);
	connect_client();
	return 0;
}

static int
teardown(void **state)
{
	void *frame;

	(void)state;
	session_client_destroy(client);
	client = NULL;
	atomic_store(&dp.stop, true);
	if (main_lcore != 0)
		pthread_join(main_lcore, NULL);
	main_lcore = 0;
	control_destroy(dp.control);
	while (rte_ring_dequeue(dp.ports[0].outbox, &frame) == 0)
		rte_pktmbuf_free(frame);
	exceptions_destroy(&dp.exceptions);
	neighbours_destroy(dp.neighbours);
	rte_mempool_free(rte_mempool_lookup("neighbour"));
	shared_destroy(&dp);
	rte_ring_free(dp.ports[0].outbox);
	return 0;
}

static void
send_message(const struct message *m)
{
	int ret;

	while ((ret = session_client_put(client, m)) == -EAGAIN) {
		session_client_flush(client);
		usleep(100);
	}
	assert_int_equal(ret, 0);
}

/* The next answer; events are passed over. @return false: none came within @p ms. */
static bool
next_answer(struct msg_txn_answer *a, int ms)
{
	struct message m;

	session_client_flush(client);
	for (int i = 0; i <= ms * 10; i++) {
		while (session_client_get(client, &m) == 1) {
			if (m.type != MSG_TXN_ANSWER)
				continue;
			*a = m.TXN_ANSWER;
			session_client_flush(client);
			return true;
		}
		usleep(100);
	}
	return false;
}

static void
send_begin(uint64_t txn, uint32_t flags)
{
	struct message m;

	message_init(&m, MSG_TXN_BEGIN);
	m.TXN_BEGIN.txn = txn;
	m.TXN_BEGIN.flags = flags;
	send_message(&m);
}

static void
send_commit(uint64_t txn, uint32_t nb)
{
	struct message m;

	message_init(&m, MSG_TXN_COMMIT);
	m.TXN_COMMIT.txn = txn;
	m.TXN_COMMIT.nb_commands = nb;
	send_message(&m);
}

static struct service_key
key_of(uint32_t i)
{
	struct service_key key = { .l4_port = 80, .protocol = PROTOCOL_TCP };

	assert_int_equal(ip_addr_parse("192.0.2.1", &key.vip), 0);
	key.vip.bytes[3] = (uint8_t)(1 + i);
	return key;
}

static struct backend_conf
backend_of(uint32_t number)
{
	struct backend_conf b = { .weight = 1,
		.factor = BACKEND_FACTOR_ONE,
		.admin = ADMIN_ENABLED,
		.health = HEALTH_UP };

	b.addr.family = IP_V4;
	store_be32(b.addr.bytes, 0x0a010000 + number);
	return b;
}

/* Commands as the model knows them. */
static void
command_service_set(struct message *m, uint32_t s, bool valid)
{
	message_init(m, MSG_SERVICE_SET);
	m->SERVICE_SET.conf = (struct service_conf){ .key = key_of(s), .mode = MODE_DIRECT };
	if (!valid)
		m->SERVICE_SET.conf.mode = 77;
}

static void
command_backend_set(struct message *m, uint32_t s, uint32_t b, bool valid)
{
	message_init(m, MSG_BACKEND_SET);
	m->BACKEND_SET.service = key_of(s);
	m->BACKEND_SET.conf = backend_of(b);
	if (!valid)
		m->BACKEND_SET.conf.weight = BACKEND_MAX_WEIGHT + 1;
}

/* The protocol, as doc/channel.md has it. */
struct config {
	bool key;
	bool services[NB_SERVICES];
	bool backends[NB_SERVICES][NB_BACKENDS];
};

static struct {
	struct config config; /* In force. */
	struct config staged;
	uint64_t generation;
	uint64_t txn; /* Under way, or failed and not ended; 0: none. */
	bool failed;
	uint32_t nb;
	uint32_t nb_answers;
	struct msg_txn_answer answers[64];
} model;

static void
expect(uint64_t txn, enum channel_error error, enum conf_error conf_error, uint32_t command)
{
	model.answers[model.nb_answers++] = (struct msg_txn_answer){ .txn = txn,
		.generation = model.generation,
		.error = error,
		.conf_error = conf_error,
		.command = command };
}

static void
model_fail(enum channel_error error, enum conf_error conf_error)
{
	expect(model.txn, error, conf_error, model.nb);
	model.failed = true;
}

static void
do_begin(uint64_t txn)
{
	bool all = random_below(3) == 0;
	bool bad = random_below(20) == 0;

	if (model.txn != 0 && !model.failed)
		model_fail(CHANNEL_BAD_SEQUENCE, CONF_OK);
	model.txn = txn;
	model.failed = false;
	model.nb = 0;
	model.staged = model.config;
	if (all) {
		memset(&model.staged, 0, sizeof(model.staged));
		model.staged.key = model.config.key;
	}
	if (bad)
		model_fail(CHANNEL_BAD_MESSAGE, CONF_OK);
	send_begin(txn, (all ? TXN_REPLACE_ALL : 0) | (bad ? 0x80 : 0));
}

static void
do_commit(void)
{
	uint64_t txn = random_below(8) == 0 ? 999999 : model.txn;
	uint32_t nb = model.nb + (random_below(8) == 0);
	bool any = false;

	send_commit(txn, nb);
	if (txn == 0 || txn != model.txn) {
		expect(txn, CHANNEL_BAD_SEQUENCE, CONF_OK, 0);
		return;
	}
	for (int i = 0; i < NB_SERVICES; i++)
		any |= model.staged.services[i];
	if (!model.failed && nb != model.nb) {
		model_fail(CHANNEL_LOST_COMMANDS, CONF_OK);
	} else if (!model.failed && any && !model.staged.key) {
		model_fail(CHANNEL_REFUSED, CONF_NO_HASH_KEY);
	} else if (!model.failed) {
		model.config = model.staged;
		model.generation++;
		expect(txn, CHANNEL_OK, CONF_OK, 0);
	}
	model.txn = 0;
}

static void
do_abort(void)
{
	struct message m;

	message_init(&m, MSG_TXN_ABORT);
	m.TXN_ABORT.txn = random_below(3) == 0 ? 888888 : model.txn;
	send_message(&m);
	if (m.TXN_ABORT.txn == model.txn)
		model.txn = 0;
}

/* @return what the command does to a transaction under way. */
static enum conf_error
make_command(struct message *m, struct config *c)
{
	uint32_t s = random_below(NB_SERVICES);
	uint32_t b = random_below(NB_BACKENDS);
	bool valid = random_below(15) != 0;

	switch (random_below(6)) {
	case 0:
		message_init(m, MSG_HASH_KEY_SET);
		c->key = true;
		return CONF_OK;
	case 1:
		command_service_set(m, s, valid);
		c->services[s] |= valid;
		return valid ? CONF_OK : CONF_BAD_MODE;
	case 2:
		message_init(m, MSG_SERVICE_REMOVE);
		m->SERVICE_REMOVE.key = key_of(s);
		if (!c->services[s])
			return CONF_NO_SUCH_SERVICE;
		c->services[s] = false;
		memset(c->backends[s], 0, sizeof(c->backends[s]));
		return CONF_OK;
	case 3:
		message_init(m, MSG_BACKEND_REMOVE);
		m->BACKEND_REMOVE.service = key_of(s);
		m->BACKEND_REMOVE.addr = backend_of(b).addr;
		if (!c->services[s])
			return CONF_NO_SUCH_SERVICE;
		if (!c->backends[s][b])
			return CONF_NO_SUCH_BACKEND;
		c->backends[s][b] = false;
		return CONF_OK;
	default:
		command_backend_set(m, s, b, valid);
		if (!c->services[s])
			return CONF_NO_SUCH_SERVICE;
		c->backends[s][b] |= valid;
		return valid ? CONF_OK : CONF_BAD_WEIGHT;
	}
}

static void
do_command(void)
{
	struct config next = model.staged;
	struct message m;
	enum conf_error error = make_command(&m, &next);

	send_message(&m);
	if (model.txn == 0)
		expect(0, CHANNEL_BAD_SEQUENCE, CONF_OK, 0);
	else if (!model.failed && error != CONF_OK)
		model_fail(CHANNEL_REFUSED, error);
	if (model.txn == 0 || model.failed)
		return;
	model.staged = next;
	model.nb++;
}

static void
assert_answers(void)
{
	struct msg_txn_answer a;

	for (uint32_t i = 0; i < model.nb_answers; i++) {
		const struct msg_txn_answer *want = &model.answers[i];

		assert_true(next_answer(&a, 20000));
		assert_int_equal(a.txn, want->txn);
		assert_int_equal(a.error, want->error);
		assert_int_equal(a.conf_error, want->conf_error);
		assert_int_equal(a.command, want->command);
		assert_int_equal(a.generation, want->generation);
	}
	model.nb_answers = 0;
	assert_false(next_answer(&a, 2));
}

/* The directory says what is in force; what was removed stays in it for its quarantine. */
static void
assert_directory(void)
{
	const void *stats = session_client_stats(client);
	const struct stats_header *header = stats;

	assert_int_equal(stat_get(&header->generation), model.generation);
	for (uint32_t s = 0; s < NB_SERVICES; s++) {
		struct service_key key = key_of(s);
		bool found = false;

		for (uint32_t i = 0; i < header->max_services; i++) {
			struct stats_service entry;

			assert_int_equal(stats_service_read(stats_service(stats, i), &entry), 0);
			found |= entry.used && memcmp(&entry.key, &key, sizeof(key)) == 0;
		}
		assert_true(found || !model.config.services[s]);
	}
}

static void
test_transactions_in_any_order_are_answered_as_the_protocol_says(void **state)
{
	uint64_t next_txn = 1;

	(void)state;
	seed_random("control");
	memset(&model, 0, sizeof(model));
	for (int round = 0; round < 400; round++) {
		for (int i = 0; i < 12; i++) {
			uint32_t what = random_below(10);

			if (what < 2)
				do_begin(next_txn++);
			else if (what < 4)
				do_commit();
			else if (what == 4 && random_below(3) == 0)
				do_abort();
			else
				do_command();
		}
		assert_answers();
		assert_directory();
		if (random_below(100) == 0) { /* The daemon is killed amidst. */
			session_client_destroy(client);
			connect_client();
			model.txn = 0;
		}
	}
	print_message("generation %lu\n", (unsigned long)model.generation);
	assert_true(model.generation > 20);
}

static void
test_answers_that_nobody_reads_hold_back_commands_and_none_is_lost(void **state)
{
	enum {
		NB = 3 * (SESSION_COMMAND_SLOTS + SESSION_ANSWER_SLOTS)
	};
	struct msg_txn_answer a;
	struct message m;
	uint64_t sent = 0;

	(void)state;
	message_init(&m, MSG_TXN_COMMIT);
	for (uint64_t read = 0; read < NB;) {
		bool full = false;

		while (!full && sent < NB) {
			m.TXN_COMMIT.txn = sent + 1;
			full = session_client_put(client, &m) == -EAGAIN;
			sent += !full;
		}
		session_client_flush(client);
		if (full && read == 0)
			usleep(300000); /* Time to run over, if it could. */
		assert_true(next_answer(&a, 20000));
		assert_int_equal(a.txn, ++read);
		assert_int_equal(a.error, CHANNEL_BAD_SEQUENCE);
	}
	assert_false(next_answer(&a, 10));
}

static void
add_backends(uint64_t txn, uint32_t service, uint32_t first, uint32_t nb)
{
	struct msg_txn_answer a;
	struct message m;

	send_begin(txn, TXN_REPLACE_ALL);
	message_init(&m, MSG_HASH_KEY_SET);
	send_message(&m);
	command_service_set(&m, service, true);
	m.SERVICE_SET.conf.nb_slots = 65537;
	send_message(&m);
	for (uint32_t i = 0; i < nb; i++) {
		command_backend_set(&m, service, first + i, true);
		send_message(&m);
	}
	send_commit(txn, nb + 2);
	assert_true(next_answer(&a, 60000));
	assert_int_equal(a.txn, txn);
	assert_int_equal(a.error, CHANNEL_OK);
}

static uint32_t
nb_unrouted(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < MAX_MEMBERS; i++) {
		struct stats_member entry;

		if (stats_member_read(stats_member(session_client_stats(client), i), &entry) == 0)
			n += entry.used && !entry.routed;
	}
	return n;
}

static void
test_backends_without_a_next_hop_get_one_when_some_are_free_again(void **state)
{
	const struct stats_header *header = session_client_stats(client);

	(void)state;
	add_backends(1, 0, 0x100, 40000);
	assert_int_equal(nb_unrouted(), 0);
	/* All of service 0 goes. Both together are more than there are next hops. */
	add_backends(2, 1, 0x20100, 40000);
	assert_true(nb_unrouted() > 0);
	for (int i = 0; nb_unrouted() > 0 && i < 200; i++)
		usleep(100000);
	assert_int_equal(nb_unrouted(), 0);
	assert_int_equal(stat_get(&header->generation), 2);
}

/* Without the thread: this test is it. */
static void
test_a_transaction_that_is_not_committed_in_time_is_forgotten(void **state)
{
	struct control *c = dp.control;
	struct message m;

	(void)state;
	message_init(&m, MSG_TXN_BEGIN);
	m.TXN_BEGIN.txn = 7;
	control_command(c, &m);
	control_txn_timeout(c);
	assert_non_null(c->txn.txn);
	c->txn.deadline_ms = 0;
	control_txn_timeout(c);
	assert_null(c->txn.txn);
	message_init(&m, MSG_TXN_COMMIT);
	m.TXN_COMMIT.txn = 7;
	control_command(c, &m);
	assert_int_equal(c->txn.id, 0);
	assert_int_equal(c->generation, 0);
}

static void
test_a_transaction_of_too_many_commands_is_refused(void **state)
{
	struct control *c = dp.control;
	struct message m;

	(void)state;
	message_init(&m, MSG_TXN_BEGIN);
	m.TXN_BEGIN.txn = 7;
	control_command(c, &m);
	c->txn.nb_commands = CONTROL_MAX_COMMANDS - 1;
	message_init(&m, MSG_HASH_KEY_SET);
	control_command(c, &m);
	assert_non_null(c->txn.txn);
	control_command(c, &m);
	assert_null(c->txn.txn);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
				test_transactions_in_any_order_are_answered_as_the_protocol_says,
				setup_threads, teardown),
		cmocka_unit_test_setup_teardown(
				test_answers_that_nobody_reads_hold_back_commands_and_none_is_lost,
				setup_threads, teardown),
		cmocka_unit_test_setup_teardown(
				test_backends_without_a_next_hop_get_one_when_some_are_free_again,
				setup_threads, teardown),
		cmocka_unit_test_setup_teardown(
				test_a_transaction_that_is_not_committed_in_time_is_forgotten,
				setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_transaction_of_too_many_commands_is_refused,
				setup, teardown),
	};
	int failed;

	if (start_eal() != 0 || mkdtemp(directory) == NULL)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(directory);
	return failed;
}
