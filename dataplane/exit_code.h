/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_EXIT_CODE_H
#define DATAPLANE_EXIT_CODE_H

/**
 * @file
 * With what guideway-dataplane ends. Scripts and units decide by these numbers, so
 * they are append only; doc/man/guideway-dataplane.8 lists them.
 */

enum exit_code {
	EXIT_CODE_OK = 0,	   /**< Stopped as asked, or --check found nothing. */
	EXIT_CODE_USAGE = 2,	   /**< The command line. */
	EXIT_CODE_CONFIG = 6,	   /**< dataplane.yaml cannot be read, or is wrong. */
	EXIT_CODE_MEMORY = 10,	   /**< Hugepages or memory do not suffice. */
	EXIT_CODE_LCORES = 11,	   /**< A CPU is missing, offline or not allowed. */
	EXIT_CODE_PORT = 12,	   /**< A port cannot be opened. */
	EXIT_CODE_PERMISSION = 13, /**< A right (root or a capability) is missing. */
	EXIT_CODE_RUNNING = 14,	   /**< Another dataplane runs with the same name or socket. */
	EXIT_CODE_INTERNAL = 15,   /**< What must not happen: please report. */
};

/** The code for an errno of a step of the start: memory, permission, running; else @p otherwise. */
enum exit_code exit_code_from_errno(int error, enum exit_code otherwise);

#endif
