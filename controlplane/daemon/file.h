/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_FILE_H
#define DAEMON_FILE_H

/**
 * @file
 * Reading a file whole: documents, certificates.
 *
 * Thread safety: pure but for system calls. Regular files only: reading a pipe could wait for
 * ever.
 */

#include <stddef.h>

/**
 * @param max  Larger files are refused; one that grows meanwhile is cut at @p max + 1 bytes,
 *             which is for the parser to refuse.
 * @param len  Bytes read, without the NUL behind them.
 * @return malloc()ed; NULL and errno (EISDIR, EINVAL: no regular file; EFBIG).
 */
char *file_read(const char *path, size_t max, size_t *len);

struct complaints;

/**
 * The same of a document, up to DOCUMENT_MAX_SIZE: what is wrong with the file itself becomes a
 * complaint without a place.
 * @param error Filled: 0, or errno.
 * @return NULL: see @p c and @p error.
 */
char *file_read_document(const char *path, struct complaints *c, size_t *len, int *error);

#endif
