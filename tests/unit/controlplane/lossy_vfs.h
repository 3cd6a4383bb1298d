/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LOSSY_VFS_H
#define LOSSY_VFS_H

/**
 * @file
 * A disk that loses power: an SQLite VFS over the default one that knows of each file what was
 * synced, and what was only written since. At the crash every sector of 512 bytes that was
 * not synced is kept or lost by chance, so that writes are torn and come out of order.
 *
 * Files are not deleted by the crash itself: the directory is taken as synced (SQLite does it).
 * Thread safety: one thread.
 */

/** Become SQLite's default VFS. @return 0; -EIO. */
int lossy_register(void);

/** Forget all files; the power fails at operation @p operations (a write, truncation or sync). */
void lossy_power_on(unsigned int operations);

/** Has it failed? From then on nothing is written any more, and writing is an error. */
int lossy_power_failed(void);

/** Make the files what the disk holds. Close the database before. @return 0; -EIO. */
int lossy_crash(void);

#endif
