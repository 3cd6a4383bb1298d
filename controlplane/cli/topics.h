/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_TOPICS_H
#define CLI_TOPICS_H

/**
 * @file
 * The topics of the manual (topic_*.c), and what runs the commands in them (cmd_*.c).
 */

#include "command.h"

#define TOPIC(name_, title_, introduction_)                         \
	const struct cli_topic topic_##name_ = { .title = (title_), \
		.introduction = (introduction_),                    \
		.commands = commands,                               \
		.nb_commands = sizeof(commands) / sizeof(commands[0]) }

extern const struct cli_topic topic_look;
extern const struct cli_topic topic_top;
extern const struct cli_topic topic_service;
extern const struct cli_topic topic_backend;
extern const struct cli_topic topic_balancer;
extern const struct cli_topic topic_override;
extern const struct cli_topic topic_config;

int cmd_status(const struct cli *cli);
int cmd_service_list(const struct cli *cli);
int cmd_service_add(const struct cli *cli);
int cmd_service_set(const struct cli *cli);
int cmd_service_remove(const struct cli *cli);
int cmd_service_show(const struct cli *cli);
int cmd_backend_list(const struct cli *cli);
int cmd_backend_show(const struct cli *cli);
int cmd_stats(const struct cli *cli);
int cmd_top(const struct cli *cli);
int cmd_backend_add(const struct cli *cli);
int cmd_backend_set(const struct cli *cli);
int cmd_backend_drain(const struct cli *cli);
int cmd_backend_enable(const struct cli *cli);
int cmd_backend_disable(const struct cli *cli);
int cmd_backend_remove(const struct cli *cli);
int cmd_balancer_show(const struct cli *cli);
int cmd_balancer_drain(const struct cli *cli);
int cmd_balancer_enable(const struct cli *cli);
int cmd_balancer_disable(const struct cli *cli);
int cmd_override_list(const struct cli *cli);
int cmd_override_reset(const struct cli *cli);
int cmd_plan(const struct cli *cli);
int cmd_confirm(const struct cli *cli);
int cmd_rollback(const struct cli *cli);
int cmd_diff(const struct cli *cli);
int cmd_apply(const struct cli *cli);
int cmd_export(const struct cli *cli);
int cmd_history(const struct cli *cli);
int cmd_audit_list(const struct cli *cli);
int cmd_audit_verify(const struct cli *cli);
int cmd_audit_export(const struct cli *cli);
int cmd_events(const struct cli *cli);

#endif
