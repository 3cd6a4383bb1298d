/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/exit_code.h"

#include <errno.h>

enum exit_code
exit_code_from_errno(int error, enum exit_code otherwise)
{
	switch (error < 0 ? -error : error) {
	case ENOMEM:
	case ENOBUFS:
		return EXIT_CODE_MEMORY;
	case EPERM:
	case EACCES:
		return EXIT_CODE_PERMISSION;
	case EADDRINUSE:
		return EXIT_CODE_RUNNING;
	default:
		return otherwise;
	}
}
