/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_UNIT_NET_FRAMES_H
#define TESTS_UNIT_NET_FRAMES_H

/**
 * @file
 * Frames for the tests of lib/net, built layer by layer, and what the parser must say
 * of them. Also the seeds of the fuzzer.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/parse.h"

#define FRAME_MAX 4096
#define FRAME_MAX_LAYERS 14

enum layer_kind {
	LAYER_END = 0,
	LAYER_ETHER, /**< a: ethertype. */
	LAYER_TAG,   /**< a: TCI; b: ethertype behind it. */
	LAYER_IP4,   /**< a: protocol; b: 32-bit words of options; c: flags and offset. */
	LAYER_IP6,   /**< a: next header. */
	LAYER_EXT,   /**< a: next header; b: length field; c: byte 3 (segments left). */
	LAYER_FRAG,  /**< a: next header; b: offset, reserved bits and M. */
	LAYER_AH,    /**< a: next header; b: length field. */
	LAYER_TCP,   /**< a: data offset; b: flags. */
	LAYER_UDP,   /**< a: length field; 0: what is right. */
	LAYER_ICMP,  /**< a: type. 8 bytes. */
	LAYER_ARP,   /**< a: operation; b: hardware type. */
	LAYER_DATA,  /**< a: bytes. */
	LAYER_PAD,   /**< a: bytes behind the IP packet. */
};

struct layer {
	enum layer_kind kind;
	uint32_t a, b, c;
};

/** A frame and what the parser makes of it. */
struct sample {
	const char *name;
	struct layer layers[FRAME_MAX_LAYERS];
	struct packet expected;
	bool fast; /**< The fast path must take it. */
};

struct frame {
	uint8_t bytes[FRAME_MAX];
	uint32_t len;
};

extern const struct sample samples[];
extern const size_t nb_samples;

/** Build a frame; lengths of IP and UDP headers are right unless a layer says otherwise. */
void frame_build(struct frame *frame, const struct layer *layers);

/**
 * Copy @p len bytes (at most FRAME_MAX) to the very end of a page that is followed by
 * an inaccessible one: reading one byte more is a segmentation fault. One such copy
 * exists at a time.
 */
uint8_t *guarded_copy(const void *bytes, uint32_t len);

/** Bytes from hexadecimal text, blanks allowed. @return how many. */
uint32_t bytes_from_hex(uint8_t *bytes, const char *text);

/** xorshift64*: numbers from a seed that a failing test can print. */
uint64_t random_next(uint64_t *state);

/** A seed from the environment variable GUIDEWAY_TEST_SEED, or from the clock; printed. */
uint64_t random_seed(void);

#endif
