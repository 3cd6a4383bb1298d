/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_API_LIST_H
#define DAEMON_API_LIST_H

/**
 * @file
 * A reply with a long list, made while it is sent (api_text.h). Each element is as things
 * are when it is made.
 *
 * Thread safety: the main thread only.
 */

#include <jansson.h>

#include "controlplane/daemon/request.h"

/** Where the elements come from. What it points to may change between two calls. */
struct api_list {
	void *context;
	json_t *(*next)(void *context); /**< A new reference; NULL: that was the last one. */
	void (*end)(void *context);	/**< Called once, however it ends. */
};

/**
 * Reply with the object @p head (taken; NULL: an empty one) and, as its last member, the
 * list. @p list is copied; @p key is constant text.
 */
void api_list_reply(struct request *r, json_t *head, const char *key, const struct api_list *list);

#endif
