/* SPDX-License-Identifier: BSD-3-Clause */
#include "eal.h"

#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#define NR_HUGEPAGES "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
#define FREE_HUGEPAGES "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"

/* Who adds to the pool or takes from it holds this; scripts/bench/wirebench.py does, too. */
#define POOL_LOCK "/run/guideway-bench.lock"

/* @return to be closed; -1: no lock, as nobody but root can change the pool. */
static int
lock_pool(void)
{
	int fd = open(POOL_LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (fd >= 0)
		flock(fd, LOCK_EX);
	return fd;
}

static void
unlock_pool(int fd)
{
	if (fd >= 0)
		close(fd);
}

static long
read_long(const char *path)
{
	FILE *file = fopen(path, "r");
	long value = 0;

	if (file == NULL)
		return 0;
	if (fscanf(file, "%ld", &value) != 1)
		value = 0;
	fclose(file);
	return value;
}

static void
write_long(const char *path, long value)
{
	FILE *file = fopen(path, "w");

	if (file == NULL)
		return;
	fprintf(file, "%ld\n", value);
	fclose(file);
}

static bool
reserve_hugepages(struct bench_eal *eal, unsigned int megabytes)
{
	long missing = (long)megabytes / 2 + 1 - read_long(FREE_HUGEPAGES);
	long before = read_long(NR_HUGEPAGES);

	if (missing <= 0)
		return true;
	write_long(NR_HUGEPAGES, before + missing);
	/* Fewer than were asked for, perhaps. */
	eal->hugepages_taken = read_long(NR_HUGEPAGES) - before;
	return read_long(FREE_HUGEPAGES) >= (long)megabytes / 2 + 1;
}

/* EAL pins its lcore: -l0 would move us to CPU 0, whatever taskset said. */
static int
first_cpu(void)
{
	cpu_set_t cpus;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
		for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
			if (CPU_ISSET(cpu, &cpus))
				return cpu;
	return 0;
}

static int
start(struct bench_eal *eal, unsigned int megabytes, bool hugepages)
{
	char memory[16], prefix[32], lcores[32];
	char *args[12] = { (char *)(uintptr_t) "guideway-bench", lcores,
		(char *)(uintptr_t) "--no-pci", (char *)(uintptr_t) "--no-telemetry",
		(char *)(uintptr_t) "--log-level=*:error", prefix, (char *)(uintptr_t) "-m",
		memory };
	int nb = 8;

	if (hugepages && !reserve_hugepages(eal, megabytes)) {
		fprintf(stderr,
				"guideway-bench: no %u MB of free hugepages; "
				"echo %u > " NR_HUGEPAGES " as root, or --no-hugepages\n",
				megabytes, megabytes / 2 + 1);
		return -1;
	}
	snprintf(memory, sizeof(memory), "%u", megabytes);
	snprintf(prefix, sizeof(prefix), "--file-prefix=bench%d", (int)getpid());
	snprintf(lcores, sizeof(lcores), "--lcores=0@%d", first_cpu());
	if (hugepages) {
		args[nb++] = (char *)(uintptr_t) "--in-memory";
	} else {
		args[nb++] = (char *)(uintptr_t) "--no-huge";
		args[nb++] = (char *)(uintptr_t) "--no-shconf";
	}
	if (rte_eal_init(nb, args) < 0) {
		fprintf(stderr, "guideway-bench: EAL: %s\n", rte_strerror(rte_errno));
		return -1;
	}
	return 0;
}

int
bench_eal_start(struct bench_eal *eal, unsigned int megabytes, bool hugepages)
{
	int lock = lock_pool(); /* Until our pages are ours: nobody else may count them as free. */
	int ret;

	*eal = (struct bench_eal){ 0 };
	ret = start(eal, megabytes, hugepages);
	unlock_pool(lock);
	return ret;
}

void
bench_eal_stop(struct bench_eal *eal)
{
	int lock;

	rte_eal_cleanup();
	if (eal->hugepages_taken <= 0)
		return;
	lock = lock_pool();
	write_long(NR_HUGEPAGES, read_long(NR_HUGEPAGES) - eal->hugepages_taken);
	unlock_pool(lock);
	eal->hugepages_taken = 0;
}
