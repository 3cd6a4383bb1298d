/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_OVERRIDE_TABLE_H
#define CLI_OVERRIDE_TABLE_H

/**
 * @file
 * Overrides as a table: what operators have set by hand.
 */

#include "cli.h"

/** @param overrides A JSON array as in GET /v1/overrides. */
void override_table_show(const struct cli *cli, const json_t *overrides);

#endif
