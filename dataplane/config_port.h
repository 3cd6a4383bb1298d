/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_CONFIG_PORT_H
#define DATAPLANE_CONFIG_PORT_H

/**
 * @file
 * The `ports` of dataplane.yaml. Part of config.c.
 */

#include "dataplane/config.h"
#include "dataplane/config_yaml.h"

/** Read the list of ports into @p object, a struct dataplane_conf, and check it. */
yaml_read_fn config_read_ports;

#endif
