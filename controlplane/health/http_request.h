/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef HEALTH_HTTP_REQUEST_H
#define HEALTH_HTTP_REQUEST_H

/**
 * @file
 * The request of a check by HTTP/1.1 (RFC 9112), as bytes: the same for each attempt.
 *
 * Thread safety: pure functions.
 */

#include <stdbool.h>
#include <stdint.h>

#include "controlplane/health/check.h"

/** @param len Filled. @return the caller's, free(); NULL: out of memory. */
char *http_request_make(const struct check *check, uint32_t *len);

/** Has the answer no body, whatever its headers say? */
bool http_request_is_head(const struct check *check);

#endif
