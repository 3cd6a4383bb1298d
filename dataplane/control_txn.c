/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transactions: what the daemon sends is staged in a struct txn and becomes the state only
 * at its commit, whole. After the first error of a transaction the answer is sent at once,
 * and its other commands, which may be in the ring already, are read and ignored up to its
 * commit or abort, or to the next begin.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "dataplane/control_internal.h"
#include "dataplane/log.h"

static uint64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

bool
control_send_answers(struct control *c)
{
	uint32_t sent = 0;

	while (sent < c->nb_answers &&
			session_server_answer(c->server, &c->answers[sent]) != -EAGAIN)
		sent++; /* Without a session nobody waits for them. */
	c->nb_answers -= sent;
	memmove(c->answers, c->answers + sent, c->nb_answers * sizeof(c->answers[0]));
	return c->nb_answers == 0;
}

static void
answer(struct control *c, struct msg_txn_answer *a)
{
	struct message *m;

	assert(c->nb_answers < CONTROL_MAX_ANSWERS);
	m = &c->answers[c->nb_answers++];
	a->generation = c->generation;
	message_init(m, MSG_TXN_ANSWER);
	m->TXN_ANSWER = *a;
	control_send_answers(c);
}

void
control_txn_drop(struct control *c)
{
	if (c->txn.txn != NULL)
		txn_abort(c->txn.txn);
	memset(&c->txn, 0, sizeof(c->txn));
}

static void
log_failure(struct control *c, const struct msg_txn_answer *a)
{
	if (!control_may_log(c))
		return;
	if (a->error == CHANNEL_REFUSED)
		LOG_CONTROL(WARNING, "transaction %llu: command %u: %s; nothing was changed",
				(unsigned long long)a->txn, a->command,
				conf_error_text((enum conf_error)a->conf_error));
	else
		LOG_CONTROL(WARNING, "transaction %llu: %s; nothing was changed",
				(unsigned long long)a->txn,
				channel_error_text((enum channel_error)a->error));
}

/* The transaction under way has failed: say so, and ignore the rest of it. */
static void
fail(struct control *c, enum channel_error error, enum conf_error conf_error)
{
	struct msg_txn_answer a = {
		.txn = c->txn.id,
		.error = error,
		.conf_error = conf_error,
		.command = c->txn.nb_commands,
	};

	log_failure(c, &a);
	if (c->txn.txn != NULL)
		txn_abort(c->txn.txn);
	c->txn.txn = NULL;
	answer(c, &a);
}

/* A message that belongs to no transaction. */
static void
refuse_stray(struct control *c, uint64_t txn)
{
	struct msg_txn_answer a = { .txn = txn, .error = CHANNEL_BAD_SEQUENCE };

	answer(c, &a);
}

static void
begin(struct control *c, const struct msg_txn_begin *m)
{
	if (c->txn.txn != NULL) {
		fail(c, CHANNEL_BAD_SEQUENCE, CONF_OK);
		control_txn_drop(c);
	}
	memset(&c->txn, 0, sizeof(c->txn));
	c->txn.id = m->txn;
	if (m->txn == 0 || (m->flags & ~(uint32_t)TXN_REPLACE_ALL) != 0) {
		fail(c, CHANNEL_BAD_MESSAGE, CONF_OK);
		return;
	}
	c->txn.deadline_ms = control_now_ms() + CONTROL_TXN_TIMEOUT_MS;
	c->txn.txn = txn_begin(c->state, m->flags & TXN_REPLACE_ALL);
	if (c->txn.txn == NULL)
		fail(c, CHANNEL_REFUSED, CONF_NO_MEMORY);
}

static void
apply(struct control *c)
{
	struct msg_txn_answer a = { .txn = c->txn.id };
	const struct snapshot *snapshot;
	uint64_t begun_us = now_us();
	enum conf_error error;

	error = txn_prepare(c->txn.txn, c->generation + 1, &snapshot);
	if (error != CONF_OK) {
		fail(c, CHANNEL_REFUSED, error);
		return;
	}
	control_publish(c, snapshot);
	c->generation++;
	if (txn_finish(c->txn.txn))
		control_quarantine_begin(c);
	c->txn.txn = NULL;
	a.apply_us = (uint32_t)(now_us() - begun_us);
	stat_set(&c->header->generation, c->generation);
	stat_set(&c->header->last_apply_us, a.apply_us);
	if (control_may_log(c))
		LOG_CONTROL(INFO, "generation %llu: in force on every worker after %u us",
				(unsigned long long)c->generation, a.apply_us);
	answer(c, &a);
}

static void
commit(struct control *c, const struct msg_txn_commit *m)
{
	if (m->txn == 0 || m->txn != c->txn.id) {
		refuse_stray(c, m->txn);
		return;
	}
	if (c->txn.txn != NULL) {
		if (m->nb_commands != c->txn.nb_commands)
			fail(c, CHANNEL_LOST_COMMANDS, CONF_OK);
		else
			apply(c);
	}
	memset(&c->txn, 0, sizeof(c->txn));
}

static enum conf_error
stage(struct txn *txn, const struct message *m)
{
	struct siphash_key key;

	switch (m->type) {
	case MSG_HASH_KEY_SET:
		memcpy(&key, m->HASH_KEY_SET.key, sizeof(key));
		return txn_hash_key_set(txn, &key);
	case MSG_SERVICE_SET:
		return txn_service_set(txn, &m->SERVICE_SET.conf);
	case MSG_SERVICE_REMOVE:
		return txn_service_remove(txn, &m->SERVICE_REMOVE.key);
	case MSG_BACKEND_SET:
		return txn_backend_set(txn, &m->BACKEND_SET.service, &m->BACKEND_SET.conf);
	case MSG_BACKEND_REMOVE:
		return txn_backend_remove(txn, &m->BACKEND_REMOVE.service, &m->BACKEND_REMOVE.addr);
	default:
		return CONF_BAD_RESERVED; /* message_check() lets no other type through. */
	}
}

static void
change(struct control *c, const struct message *m)
{
	enum conf_error error;

	if (c->txn.id == 0) {
		refuse_stray(c, 0);
		return;
	}
	if (c->txn.txn == NULL)
		return; /* Of a transaction that has failed. */
	if (c->txn.nb_commands == CONTROL_MAX_COMMANDS) {
		fail(c, CHANNEL_TOO_LARGE, CONF_OK);
		return;
	}
	error = stage(c->txn.txn, m);
	if (error != CONF_OK) {
		fail(c, CHANNEL_REFUSED, error);
		return;
	}
	c->txn.nb_commands++;
}

void
control_command(struct control *c, const struct message *m)
{
	switch (m->type) {
	case MSG_TXN_BEGIN:
		begin(c, &m->TXN_BEGIN);
		break;
	case MSG_TXN_COMMIT:
		commit(c, &m->TXN_COMMIT);
		break;
	case MSG_TXN_ABORT:
		if (m->TXN_ABORT.txn == c->txn.id)
			control_txn_drop(c);
		break;
	default:
		change(c, m);
		break;
	}
}

void
control_txn_timeout(struct control *c)
{
	if (c->txn.txn != NULL && control_now_ms() > c->txn.deadline_ms)
		fail(c, CHANNEL_TOO_SLOW, CONF_OK);
}
