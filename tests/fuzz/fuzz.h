/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

/**
 * @file
 * A fuzz target: fuzz_NOUN.c defines these two functions. It is built twice: with
 * replay.c as a test that every compiler and every run of the unit tests has, and
 * with libFuzzer where the compiler is clang.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** What must hold for every input. */
#define CHECK(condition)                                                                \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

/** Longest input that replay.c makes. */
#define FUZZ_INPUT_MAX 4096

/**
 * Check all that must hold for this input; abort() if something does not.
 * @return 0.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** fuzz_seed() of a target whose seeds are texts. */
static inline size_t
fuzz_seed_text(const char *const *seeds, size_t nb, size_t index, uint8_t *data)
{
	size_t len = index < nb ? strlen(seeds[index]) : 0;

	if (len > 0)
		memcpy(data, seeds[index], len);
	return len;
}

/**
 * A good input to start from.
 * @param data Room for FUZZ_INPUT_MAX bytes.
 * @return its size; 0: @p index is beyond the last.
 */
size_t fuzz_seed(size_t index, uint8_t *data);

#endif
