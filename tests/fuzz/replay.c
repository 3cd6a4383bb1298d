/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs a fuzz target without libFuzzer.
 *
 *     fuzz_NOUN_replay            every seed, then RUNS changed ones
 *     fuzz_NOUN_replay FILE...    these inputs (libFuzzer's crash-* files)
 *
 * The changes are drawn from GUIDEWAY_TEST_SEED (printed; from the clock if unset), so a
 * failure can be repeated. The input that crashed is written to standard error in
 * hexadecimal.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"
#include "fuzz.h"

#define RUNS 3000000
#define MAX_SEEDS 256

static uint8_t input[FUZZ_INPUT_MAX];
static size_t input_size;

static uint8_t seeds[MAX_SEEDS][FUZZ_INPUT_MAX];
static size_t seed_sizes[MAX_SEEDS];
static size_t nb_seeds;

static uint64_t rng;

static uint64_t
random_next(void) /* xorshift64* */
{
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return rng * UINT64_C(2685821657736338717);
}

static size_t
random_below(size_t n)
{
	return (size_t)((random_next() >> 32) * n >> 32);
}

static void
on_crash(int sig)
{
	static const char digits[] = "0123456789abcdef";
	static char text[2 * FUZZ_INPUT_MAX + 1];

	for (size_t i = 0; i < input_size; i++) {
		text[2 * i] = digits[input[i] >> 4];
		text[2 * i + 1] = digits[input[i] & 15];
	}
	text[2 * input_size] = '\n';
	if (write(STDERR_FILENO, text, 2 * input_size + 1) < 0)
		_exit(2);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void
run(void)
{
	(void)LLVMFuzzerTestOneInput(input, input_size);
}

static void
change_once(void)
{
	static const uint8_t corners[] = { 0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff };
	size_t at = random_below(input_size);

	switch (random_below(7)) {
	case 0:
		input[at] ^= (uint8_t)(1U << random_below(8));
		break;
	case 1:
		input[at] = corners[random_below(sizeof(corners))];
		break;
	case 2:
		input[at] = (uint8_t)(input[at] + random_below(9) - 4);
		break;
	case 3: /* Cut. */
		input_size = at + 1;
		break;
	case 4: /* Insert a byte. */
		if (input_size == FUZZ_INPUT_MAX)
			break;
		memmove(input + at + 1, input + at, input_size - at);
		input[at] = (uint8_t)random_next();
		input_size++;
		break;
	case 5: { /* Splice: go on as another seed does. */
		size_t other = random_below(nb_seeds);

		if (at < seed_sizes[other]) {
			input_size = seed_sizes[other];
			memcpy(input + at, seeds[other] + at, input_size - at);
		}
		break;
	}
	default:
		input[at] = (uint8_t)random_next();
		break;
	}
}

static void
run_changed(void)
{
	size_t seed = random_below(nb_seeds);

	input_size = seed_sizes[seed];
	memcpy(input, seeds[seed], input_size);
	for (size_t n = 1 + random_below(4); n > 0; n--)
		change_once();
	run();
}

static void
run_file(const char *name)
{
	FILE *file = fopen(name, "rb");

	if (file == NULL) {
		perror(name);
		exit(2);
	}
	input_size = fread(input, 1, sizeof(input), file);
	fclose(file);
	run();
}

static uint64_t
choose_random_seed(void)
{
	const char *given = getenv("GUIDEWAY_TEST_SEED");
	struct timespec now;

	if (given != NULL)
		return strtoull(given, NULL, 0);
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000007 + (uint64_t)now.tv_nsec;
}

int
main(int argc, char **argv)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL };

	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		signal(signals[i], on_crash);
	for (int i = 1; i < argc; i++)
		run_file(argv[i]);
	if (argc > 1)
		return 0;

	rng = choose_random_seed() | 1;
	printf("GUIDEWAY_TEST_SEED=%#llx\n", (unsigned long long)rng);
	fflush(stdout);
	while (nb_seeds < MAX_SEEDS && (input_size = fuzz_seed(nb_seeds, input)) != 0) {
		memcpy(seeds[nb_seeds], input, input_size);
		seed_sizes[nb_seeds++] = input_size;
		run();
	}
	for (unsigned int i = 0; i < RUNS; i++)
		run_changed();
	printf("%zu seeds, %u changed inputs\n", nb_seeds, RUNS);
	return 0;
}
