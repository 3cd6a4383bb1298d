/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FLOW_FLOW_TABLE_H
#define FLOW_FLOW_TABLE_H
/* Contract sketch; owned by the founder who writes the worker. */
#include <stdint.h>
/** Milliseconds of one tick of a flow table's clock. */
#define FLOW_TICK_MS 250
#endif
