/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_BACKEND_TABLE_H
#define CLI_BACKEND_TABLE_H

/**
 * @file
 * Backends as a table: what is wanted, what is, and the share of each.
 */

#include "cli.h"

/** @param backends A JSON array of BACKEND (doc/api.md). @param with_service A column for it. */
void backend_table_show(const struct cli *cli, const json_t *backends, bool with_service);

#endif
