/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_API_TEXT_H
#define DAEMON_API_TEXT_H

/**
 * @file
 * A reply with a long text, made while it is sent: of ten thousand backends at once would
 * keep the loop, and with it changes of health, waiting for half a second.
 *
 * Thread safety: the main thread only.
 */

#include <stdio.h>

#include "controlplane/daemon/request.h"

/** Where the text comes from. What it is about may change between two calls. */
struct api_text {
	void *context;
	/**
	 * Write the next piece, which may be empty; at most a few kilobytes, for the loop
	 * turns only between two of them. @return 1; 0: that was the last one; -1: no memory.
	 */
	int (*write)(void *context, FILE *out);
	void (*end)(void *context); /**< Called once, however it ends. */
};

/**
 * Reply 200 with a text, or 500 if its first piece cannot be made; later it is broken off.
 * @param text Copied.
 * @param type Content-Type; constant text.
 */
void api_text_reply(struct request *r, const struct api_text *text, const char *type);

#endif
