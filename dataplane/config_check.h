/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_CONFIG_CHECK_H
#define DATAPLANE_CONFIG_CHECK_H

/**
 * @file
 * What values of dataplane.yaml must be to each other. Part of config.c; errors are
 * noted in the reader, at the node of the value that is wrong.
 */

#include "dataplane/config.h"
#include "dataplane/config_yaml.h"

/** An interface by itself; @p node is its mapping. */
void config_check_interface(
		struct yaml_reader *r, const yaml_node_t *node, const struct interface_conf *conf);

/** Is @p name, the value of @p key, one that the kernel takes? Empty: it is not given. */
void config_check_interface_name(
		struct yaml_reader *r, const yaml_node_t *node, const char *key, const char *name);

/** Ports among themselves; @p node is their list. Marks bond members. */
void config_check_ports(
		struct yaml_reader *r, const yaml_node_t *node, struct dataplane_conf *conf);

/** CPUs of main and workers; @p root is the document's mapping. */
void config_check_lcores(
		struct yaml_reader *r, const yaml_node_t *root, const struct dataplane_conf *conf);

/** The section `advertise`: its names against each other's and those of the ports. */
void config_check_advertise(
		struct yaml_reader *r, const yaml_node_t *root, const struct dataplane_conf *conf);

#endif
