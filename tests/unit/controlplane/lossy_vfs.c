/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The real file always has what was written, so that reading needs nothing of ours. Beside it,
 * each file keeps an image of what is durable and a list of the writes since the last sync.
 */
#include "lossy_vfs.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR 512
#define MAX_DISKS 8

struct pending {
	struct pending *next;
	size_t offset, len; /**< A truncation has no bytes and cuts at offset. */
	uint8_t bytes[];
};

/** What is known of one path. */
struct disk {
	char path[128];
	uint8_t *durable;
	size_t size;
	struct pending *first, **last;
};

struct lossy_file {
	sqlite3_file base;
	struct disk *disk;
	sqlite3_file *real; /**< Behind this, in the same memory. */
};

static struct disk disks[MAX_DISKS];
static unsigned int nb_disks, left;
static bool failed;
static sqlite3_vfs vfs;
static sqlite3_vfs *real_vfs;

static struct lossy_file *
lossy(sqlite3_file *file)
{
	return (struct lossy_file *)(void *)file;
}

/** One operation more. @return the power is still there. */
static bool
powered(void)
{
	if (left == 0)
		failed = true;
	else
		left--;
	return !failed;
}

static void
grow(struct disk *disk, size_t size)
{
	if (size <= disk->size)
		return;
	disk->durable = realloc(disk->durable, size);
	if (disk->durable == NULL)
		abort();
	memset(disk->durable + disk->size, 0, size - disk->size);
	disk->size = size;
}

/** Bring one write to the disk; some sectors of it, if @p torn. */
static void
settle(struct disk *disk, const struct pending *p, bool torn)
{
	size_t at = 0;

	if (p->len == 0 && p->offset < disk->size && !(torn && random() % 2))
		disk->size = p->offset;
	while (at < p->len) {
		size_t part = SECTOR - (p->offset + at) % SECTOR;

		if (part > p->len - at)
			part = p->len - at;
		if (!torn || random() % 2) {
			grow(disk, p->offset + at + part);
			memcpy(disk->durable + p->offset + at, p->bytes + at, part);
		}
		at += part;
	}
}

static void
settle_all(struct disk *disk, bool torn)
{
	struct pending *p;

	while ((p = disk->first) != NULL) {
		disk->first = p->next;
		settle(disk, p, torn);
		free(p);
	}
	disk->last = &disk->first;
}

static void
note(struct disk *disk, const void *bytes, size_t len, size_t offset)
{
	struct pending *p = malloc(sizeof(*p) + len);

	if (p == NULL)
		abort();
	*p = (struct pending){ .offset = offset, .len = len };
	if (len > 0)
		memcpy(p->bytes, bytes, len);
	*disk->last = p;
	disk->last = &p->next;
}

/* Methods of a file. */

static int
lossy_close(sqlite3_file *file)
{
	sqlite3_file *real = lossy(file)->real;

	return real->pMethods->xClose(real);
}

static int
lossy_read(sqlite3_file *file, void *to, int len, sqlite3_int64 offset)
{
	sqlite3_file *real = lossy(file)->real;

	return real->pMethods->xRead(real, to, len, offset);
}

static int
lossy_write(sqlite3_file *file, const void *from, int len, sqlite3_int64 offset)
{
	sqlite3_file *real = lossy(file)->real;

	/* What is under way when the power fails may be there in part. */
	if (!failed)
		note(lossy(file)->disk, from, (size_t)len, (size_t)offset);
	if (!powered())
		return SQLITE_IOERR_WRITE;
	return real->pMethods->xWrite(real, from, len, offset);
}

static int
lossy_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	sqlite3_file *real = lossy(file)->real;

	if (!powered())
		return SQLITE_IOERR_TRUNCATE;
	note(lossy(file)->disk, NULL, 0, (size_t)size);
	return real->pMethods->xTruncate(real, size);
}

static int
lossy_sync(sqlite3_file *file, int flags)
{
	(void)flags;
	if (!powered())
		return SQLITE_IOERR_FSYNC;
	settle_all(lossy(file)->disk, false);
	return SQLITE_OK;
}

static int
lossy_file_size(sqlite3_file *file, sqlite3_int64 *size)
{
	sqlite3_file *real = lossy(file)->real;

	return real->pMethods->xFileSize(real, size);
}

static int
lossy_lock(sqlite3_file *file, int level)
{
	sqlite3_file *real = lossy(file)->real;

	return real->pMethods->xLock(real, level);
}

static int
lossy_unlock(sqlite3_file *file, int level)
{
	sqlite3_file *real = lossy(file)->real;

	return real->pMethods->xUnlock(real, level);
}

static int
lossy_check_lock(sqlite3_file *file, int *out)
{
	sqlite3_file *real = lossy(file)->real;

	return real->pMethods->xCheckReservedLock(real, out);
}

static int
lossy_control(sqlite3_file *file, int op, void *arg)
{
	(void)file, (void)op, (void)arg;
	return SQLITE_NOTFOUND;
}

static int
lossy_sector_size(sqlite3_file *file)
{
	(void)file;
	return SECTOR;
}

/** Of the default VFS on Linux: a write never harms what lies beside it. */
static int
lossy_characteristics(sqlite3_file *file)
{
	(void)file;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int
lossy_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
	sqlite3_file *real = lossy(file)->real;

	return real->pMethods->xShmMap(real, page, size, extend, out);
}

static int
lossy_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	sqlite3_file *real = lossy(file)->real;

	return real->pMethods->xShmLock(real, offset, n, flags);
}

static void
lossy_shm_barrier(sqlite3_file *file)
{
	sqlite3_file *real = lossy(file)->real;

	real->pMethods->xShmBarrier(real);
}

static int
lossy_shm_unmap(sqlite3_file *file, int remove)
{
	sqlite3_file *real = lossy(file)->real;

	return real->pMethods->xShmUnmap(real, remove);
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = lossy_close,
	.xRead = lossy_read,
	.xWrite = lossy_write,
	.xTruncate = lossy_truncate,
	.xSync = lossy_sync,
	.xFileSize = lossy_file_size,
	.xLock = lossy_lock,
	.xUnlock = lossy_unlock,
	.xCheckReservedLock = lossy_check_lock,
	.xFileControl = lossy_control,
	.xSectorSize = lossy_sector_size,
	.xDeviceCharacteristics = lossy_characteristics,
	.xShmMap = lossy_shm_map,
	.xShmLock = lossy_shm_lock,
	.xShmBarrier = lossy_shm_barrier,
	.xShmUnmap = lossy_shm_unmap,
};

/* The VFS. */

/** What the file holds when it is first seen is durable. */
static struct disk *
disk_of(const char *path, sqlite3_file *real)
{
	struct disk *disk;
	sqlite3_int64 size = 0;

	for (unsigned int i = 0; i < nb_disks; i++)
		if (strcmp(disks[i].path, path) == 0)
			return &disks[i];
	if (nb_disks == MAX_DISKS)
		abort();
	disk = &disks[nb_disks++];
	*disk = (struct disk){ .last = &disk->first };
	snprintf(disk->path, sizeof(disk->path), "%s", path);
	if (real->pMethods->xFileSize(real, &size) != SQLITE_OK)
		abort();
	grow(disk, (size_t)size);
	if (size > 0 && real->pMethods->xRead(real, disk->durable, (int)size, 0) != SQLITE_OK)
		abort();
	return disk;
}

static int
lossy_open(sqlite3_vfs *self, const char *path, sqlite3_file *file, int flags, int *out)
{
	struct lossy_file *f = lossy(file);
	int ret;

	(void)self;
	f->real = (sqlite3_file *)(void *)(f + 1);
	ret = real_vfs->xOpen(real_vfs, path, f->real, flags, out);
	f->base.pMethods = ret == SQLITE_OK ? &methods : NULL;
	if (ret == SQLITE_OK)
		f->disk = disk_of(path != NULL ? path : "", f->real);
	return ret;
}

static int
lossy_delete(sqlite3_vfs *self, const char *path, int sync)
{
	(void)self;
	if (!powered())
		return SQLITE_IOERR_DELETE;
	for (unsigned int i = 0; i < nb_disks; i++) {
		if (strcmp(disks[i].path, path) != 0)
			continue;
		settle_all(&disks[i], false);
		disks[i].size = 0;
	}
	return real_vfs->xDelete(real_vfs, path, sync);
}

int
lossy_register(void)
{
	real_vfs = sqlite3_vfs_find(NULL);
	if (real_vfs == NULL)
		return -EIO;
	vfs = *real_vfs;
	vfs.zName = "lossy";
	vfs.pNext = NULL;
	vfs.szOsFile = (int)sizeof(struct lossy_file) + real_vfs->szOsFile;
	vfs.xOpen = lossy_open;
	vfs.xDelete = lossy_delete;
	return sqlite3_vfs_register(&vfs, 1) == SQLITE_OK ? 0 : -EIO;
}

void
lossy_power_on(unsigned int operations)
{
	for (unsigned int i = 0; i < nb_disks; i++) {
		settle_all(&disks[i], false);
		free(disks[i].durable);
	}
	nb_disks = 0;
	failed = false;
	left = operations;
}

int
lossy_power_failed(void)
{
	return failed;
}

int
lossy_crash(void)
{
	int ret = 0;

	for (unsigned int i = 0; i < nb_disks; i++) {
		struct disk *disk = &disks[i];
		FILE *f = fopen(disk->path, "w");

		settle_all(disk, true);
		if (f == NULL || fwrite(disk->durable, 1, disk->size, f) != disk->size)
			ret = -EIO;
		if (f != NULL && fclose(f) != 0)
			ret = -EIO;
	}
	return ret;
}
