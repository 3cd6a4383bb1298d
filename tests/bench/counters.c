/* SPDX-License-Identifier: BSD-3-Clause */
#include "counters.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

void
counters_open(struct counters *counters)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.disabled = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};

	counters->fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

void
counters_close(struct counters *counters)
{
	if (counters->fd >= 0)
		close(counters->fd);
	counters->fd = -1;
}

void
counters_go(const struct counters *counters)
{
	if (counters->fd >= 0)
		ioctl(counters->fd, PERF_EVENT_IOC_ENABLE, 0);
}

void
counters_halt(const struct counters *counters)
{
	if (counters->fd >= 0)
		ioctl(counters->fd, PERF_EVENT_IOC_DISABLE, 0);
}

uint64_t
counters_read(const struct counters *counters)
{
	uint64_t value = 0;

	if (counters->fd < 0 || read(counters->fd, &value, sizeof(value)) != sizeof(value))
		return 0;
	return value;
}
