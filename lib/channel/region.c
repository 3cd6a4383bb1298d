/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Order matters in region_create(): F_SEAL_FUTURE_WRITE lets a writable mapping
 * live on that exists already, so our own is made first. F_SEAL_SEAL comes with the
 * others, so that nobody can add F_SEAL_WRITE or the like later.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "channel/region.h"

/* Linux 6.3; older headers lack it. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#define SEALS_SIZE (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static const struct {
	const char *name;
	int seals;
	int owner_prot;
	int peer_prot;
} kinds[] = {
	[REGION_D] = { "guideway-d", SEALS_SIZE, PROT_READ, PROT_READ | PROT_WRITE },
	[REGION_P] = { "guideway-p", SEALS_SIZE | F_SEAL_FUTURE_WRITE, PROT_READ | PROT_WRITE,
			PROT_READ },
	[REGION_STATS] = { "guideway-stats", SEALS_SIZE | F_SEAL_FUTURE_WRITE,
			PROT_READ | PROT_WRITE, PROT_READ },
};

static int
memfd_open(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd;
}

int
region_create(struct region *r, enum region_kind kind, size_t size)
{
	int map_flags = MAP_SHARED;
	int ret;

	*r = (struct region){ .size = size, .fd = memfd_open(kinds[kind].name) };
	if (r->fd < 0)
		goto err;

	if (ftruncate(r->fd, (off_t)size) < 0)
		goto err;
	if (kind == REGION_STATS) {
		/* Now or never: an error here is better than a SIGBUS in a worker. */
		if (fallocate(r->fd, 0, 0, (off_t)size) < 0)
			goto err;
		map_flags |= MAP_POPULATE;
	}

	r->base = mmap(NULL, size, kinds[kind].owner_prot, map_flags, r->fd, 0);
	if (r->base == MAP_FAILED) {
		r->base = NULL;
		goto err;
	}
	if (kind == REGION_STATS)
		(void)mlock(r->base, size); /* As far as RLIMIT_MEMLOCK allows. */
	if (fcntl(r->fd, F_ADD_SEALS, kinds[kind].seals) < 0)
		goto err;
	return 0;

err:
	ret = -errno;
	region_close(r);
	return ret;
}

int
region_open(struct region *r, enum region_kind kind, int fd, size_t size)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	*r = REGION_NONE;
	/* F_GET_SEALS fails on what is no memfd; a pipe or a file on disk could block us. */
	if (seals < 0 || (seals & kinds[kind].seals) != kinds[kind].seals)
		return -EPROTO;
	if (fstat(fd, &st) < 0 || size == 0 || (uint64_t)st.st_size != size)
		return -EPROTO;

	r->base = mmap(NULL, size, kinds[kind].peer_prot, MAP_SHARED, fd, 0);
	if (r->base == MAP_FAILED) {
		r->base = NULL;
		/* More seals than its kind may have, or a descriptor that only reads. */
		return errno == EPERM || errno == EACCES ? -EPROTO : -errno;
	}
	r->size = size;
	return 0;
}

void
region_close_fd(struct region *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

void
region_close(struct region *r)
{
	if (r->base != NULL)
		munmap(r->base, r->size);
	region_close_fd(r);
	*r = REGION_NONE;
}
