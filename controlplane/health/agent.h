/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef HEALTH_AGENT_H
#define HEALTH_AGENT_H

/**
 * @file
 * HAProxy's agent-check protocol (HAProxy 2.6 Configuration Manual, "agent-check"): what a
 * program on a backend says of it, in one line of words with spaces, tabs or commas between
 * them, in upper or lower case:
 *
 *     75%                       its share of the configured weight; more than 100% is 100%
 *     up                        it is well
 *     down, fail, failed, stopped   it is not; what follows a '#' is the reason, for people
 *     drain, maint              it wants no new flows
 *     ready                     it wants them again
 *     maxconn:N                 passed over: the balancer does not count connections
 *
 * What an agent does not speak of stays as it is: only `up` ends `down`, only `ready` ends
 * `drain`. Of several words about one matter the last counts.
 *
 * Thread safety: plain values.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Room for a reason, with its NUL. */
#define AGENT_WHY_SIZE 64
/** No percentage was given. */
#define AGENT_NO_PERCENT 255

/** One line. */
struct agent_report {
	uint8_t health;	 /**< enum backend_health; unknown: it does not speak of it. */
	uint8_t percent; /**< 0…100, or AGENT_NO_PERCENT. */
	bool drains;
	bool is_ready;
	char why[AGENT_WHY_SIZE]; /**< With HEALTH_DOWN: "its agent says down: no disk". */
};

/** What holds of a backend, by its agent's word. */
struct agent_word {
	bool known;	 /**< It has spoken. */
	uint8_t percent; /**< 0…100. */
	bool drained;
};

/**
 * Read a line, which ends at the first CR or LF, or with @p len bytes.
 * @return false: not a word of it is understood.
 */
bool agent_parse(const char *line, size_t len, struct agent_report *out);

/** Nothing was said: 100 %. */
void agent_word_init(struct agent_word *word);
/** @return true: @p word is another than before, or known now. Health is the caller's. */
bool agent_word_note(struct agent_word *word, const struct agent_report *report);
/** Percent of the weight for new flows: 0 if drained; AGENT_NO_PERCENT if not known. */
uint8_t agent_word_percent(const struct agent_word *word);

#endif
