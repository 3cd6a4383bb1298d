/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_PLAN_SHOW_H
#define CLI_PLAN_SHOW_H

/**
 * @file
 * What a change of the configuration changes, shown as a diff is.
 */

#include "cli.h"

/** `services` of a plan or of a comparison of two revisions. */
void plan_show_services(const struct cli *cli, const json_t *answer);

/** A whole plan: services, warnings, what it comes to. */
void plan_show(const struct cli *cli, const json_t *plan);

#endif
