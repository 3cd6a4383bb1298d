/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SERVICE_SERVICE_ID_H
#define SERVICE_SERVICE_ID_H

/**
 * @file
 * The text that names a service everywhere: "tcp/192.0.2.10:443",
 * "udp/[2001:db8::10]:53"; the words of documents for what services and backends are; and
 * the total order that services are sorted by.
 *
 * Thread safety: pure functions.
 */

#include <stdbool.h>
#include <stdint.h>

#include "service/service.h"

/** Longest id with its NUL: "udp/[" address "]:65535". */
#define SERVICE_ID_STRLEN (IP_ADDR_STRLEN + 16)

/** @param buf At least SERVICE_ID_STRLEN bytes. @return @p buf. */
const char *service_id_format(const struct service_key *key, char *buf);

/** @return 0, or -EINVAL: @p out is untouched. */
int service_id_parse(const char *text, struct service_key *out);

/** "tcp" or "udp". @return 0, or -EINVAL. */
int service_protocol_parse(const char *text, uint8_t *out);
/** "direct" or "ipip". @return 0, or -EINVAL. */
int service_mode_parse(const char *text, uint8_t *out);
/** "move", "reset" or "keep". @return 0, or -EINVAL. */
int service_on_down_parse(const char *text, uint8_t *out);
/** "preferred", "spare" or "none". @return 0, or -EINVAL. */
int service_advertise_parse(const char *text, uint8_t *out);
/** "enabled", "draining" or "disabled". @return 0, or -EINVAL. */
int backend_admin_parse(const char *text, uint8_t *out);

/** Total order: address, protocol, port. */
int service_key_compare(const struct service_key *a, const struct service_key *b);

#endif
