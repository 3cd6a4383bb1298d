/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/environment.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/compiler.h"

/* First line of a small file, without its newline. */
static int
file_read_line(const char *path, char *buf, size_t size)
{
	FILE *file = fopen(path, "re");
	char *got;

	if (file == NULL)
		return -errno;
	got = fgets(buf, (int)size, file);
	fclose(file);
	if (got == NULL)
		return -EIO;
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

static uint64_t
file_read_number(const char *path, uint64_t otherwise)
{
	char line[64];
	char *end;
	uint64_t value;

	if (file_read_line(path, line, sizeof(line)) < 0)
		return otherwise;
	value = strtoull(line, &end, 10);
	return end == line ? otherwise : value;
}

static void
hugepages_read(struct hugepages *h, unsigned int node, unsigned int page_kb)
{
	char path[128];

	h->node = node;
	h->page_kb = page_kb;
	snprintf(path, sizeof(path),
			"/sys/devices/system/node/node%u/hugepages/hugepages-%ukB/nr_hugepages",
			node, page_kb);
	h->total = file_read_number(path, 0);
	snprintf(path, sizeof(path),
			"/sys/devices/system/node/node%u/hugepages/hugepages-%ukB/free_hugepages",
			node, page_kb);
	h->free = file_read_number(path, 0);
}

unsigned int
environment_hugepages(struct hugepages *out, unsigned int max)
{
	static const unsigned int sizes_kb[] = { 2048, 1048576 };
	unsigned int nb = 0;

	for (unsigned int node = 0; node < ENVIRONMENT_MAX_NODES; node++) {
		for (size_t i = 0; i < ARRAY_LEN(sizes_kb) && nb < max; i++) {
			hugepages_read(&out[nb], node, sizes_kb[i]);
			if (out[nb].total > 0)
				nb++;
		}
	}
	return nb;
}

unsigned int
environment_nb_nodes(void)
{
	unsigned int nb = 0;

	for (unsigned int node = 0; node < ENVIRONMENT_MAX_NODES; node++) {
		char path[64];

		snprintf(path, sizeof(path), "/sys/devices/system/node/node%u", node);
		if (access(path, F_OK) == 0)
			nb++;
	}
	return nb > 0 ? nb : 1;
}

unsigned int
environment_cpu_node(unsigned int cpu)
{
	for (unsigned int node = 0; node < ENVIRONMENT_MAX_NODES; node++) {
		char path[80];

		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/node%u", cpu, node);
		if (access(path, F_OK) == 0)
			return node;
	}
	return 0;
}

const char *
environment_cpu_list(char *buf, size_t size)
{
	if (file_read_line("/sys/devices/system/cpu/online", buf, size) < 0)
		snprintf(buf, size, "?");
	return buf;
}

/* Is the number in a list like "0-3,8"? */
static bool
list_contains(const char *list, unsigned int number)
{
	char *at = NULL;

	for (;;) {
		const unsigned long from = strtoul(list, &at, 10);
		unsigned long to = from;

		if (at == list)
			return false;
		if (*at == '-')
			to = strtoul(at + 1, &at, 10);
		if (number >= from && number <= to)
			return true;
		if (*at != ',')
			return false;
		list = at + 1;
	}
}

bool
environment_cpu_exists(unsigned int cpu)
{
	char list[256];

	return list_contains(environment_cpu_list(list, sizeof(list)), cpu);
}

bool
environment_cpu_allowed(unsigned int cpu)
{
	cpu_set_t set;

	if (cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof(set), &set) < 0)
		return false;
	return CPU_ISSET(cpu, &set);
}

/* What the cgroup of this process (version 2) still allows. */
static uint64_t
cgroup_memory_mb(void)
{
	char line[PATH_MAX];
	char path[PATH_MAX + 64];
	uint64_t limit, used;

	if (file_read_line("/proc/self/cgroup", line, sizeof(line)) < 0 ||
			strncmp(line, "0::", 3) != 0)
		return UINT64_MAX;
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.max", line + 3);
	limit = file_read_number(path, UINT64_MAX);
	if (limit == UINT64_MAX)
		return UINT64_MAX;
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.current", line + 3);
	used = file_read_number(path, 0);
	return used < limit ? (limit - used) >> 20 : 0;
}

uint64_t
environment_memory_mb(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	uint64_t machine = UINT64_MAX;
	uint64_t cgroup = cgroup_memory_mb();
	static const char key[] = "MemAvailable:";
	char line[128];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, key, sizeof(key) - 1) == 0)
			machine = strtoull(line + sizeof(key) - 1, NULL, 10) >> 10;
	if (file != NULL)
		fclose(file);
	return machine < cgroup ? machine : cgroup;
}

bool
environment_has_capability(unsigned int capability)
{
	FILE *file = fopen("/proc/self/status", "re");
	static const char key[] = "CapEff:";
	uint64_t effective = 0;
	char line[256];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, key, sizeof(key) - 1) == 0)
			effective = strtoull(line + sizeof(key) - 1, NULL, 16);
	if (file != NULL)
		fclose(file);
	return capability < 64 && (effective >> capability & 1) != 0;
}

static void
request_init(struct ifreq *request, const char *name)
{
	memset(request, 0, sizeof(*request));
	snprintf(request->ifr_name, sizeof(request->ifr_name), "%s", name);
}

static unsigned int
interface_channels(int fd, const char *name)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	struct ifreq request;

	request_init(&request, name);
	request.ifr_data = (char *)&channels;
	if (ioctl(fd, SIOCETHTOOL, &request) < 0)
		return 1;
	if (channels.combined_count > 0)
		return channels.combined_count;
	return channels.rx_count > 0 ? channels.rx_count : 1;
}

static int
interface_read(int fd, const char *name, struct kernel_interface *out)
{
	struct ifreq request;

	request_init(&request, name);
	if (ioctl(fd, SIOCGIFINDEX, &request) < 0)
		return -errno;
	out->index = (unsigned int)request.ifr_ifindex;
	request_init(&request, name);
	if (ioctl(fd, SIOCGIFMTU, &request) < 0)
		return -errno;
	out->mtu = request.ifr_mtu > UINT16_MAX ? UINT16_MAX : (uint16_t)request.ifr_mtu;
	request_init(&request, name);
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return -errno;
	out->up = (request.ifr_flags & IFF_UP) != 0;
	request_init(&request, name);
	out->has_ipv4 = ioctl(fd, SIOCGIFADDR, &request) == 0;
	out->channels = interface_channels(fd, name);
	return 0;
}

int
environment_interface(const char *name, struct kernel_interface *out)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int ret;

	memset(out, 0, sizeof(*out));
	if (fd < 0)
		return -errno;
	ret = interface_read(fd, name, out);
	close(fd);
	return ret;
}

int
environment_interface_up(const char *name)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request;
	int ret = 0;

	if (fd < 0)
		return -errno;
	request_init(&request, name);
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		ret = -errno;
	request.ifr_flags |= IFF_UP;
	if (ret == 0 && ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int
environment_interface_set_mtu(const char *name, uint16_t mtu)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request;
	int ret;

	if (fd < 0)
		return -errno;
	request_init(&request, name);
	request.ifr_mtu = mtu;
	ret = ioctl(fd, SIOCSIFMTU, &request) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

int
environment_interface_set_mac(const char *name, const uint8_t mac[6])
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request;
	int ret;

	if (fd < 0)
		return -errno;
	request_init(&request, name);
	request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(request.ifr_hwaddr.sa_data, mac, 6);
	ret = ioctl(fd, SIOCSIFHWADDR, &request) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

enum socket_state
environment_socket(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	enum socket_state state = SOCKET_TAKEN;
	struct stat st;
	int fd;

	if (stat(path, &st) < 0)
		return SOCKET_FREE;
	if (!S_ISSOCK(st.st_mode) || strlen(path) >= sizeof(addr.sun_path))
		return SOCKET_TAKEN;
	memcpy(addr.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return SOCKET_TAKEN;
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0 && errno == ECONNREFUSED)
		state = SOCKET_STALE;
	close(fd);
	return state;
}

int
environment_pci_driver(const char *address, char *driver, size_t size)
{
	char path[128];
	char target[PATH_MAX];
	const char *name;
	ssize_t len;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", address);
	if (access(path, F_OK) < 0)
		return -ENODEV;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", address);
	len = readlink(path, target, sizeof(target) - 1);
	target[len > 0 ? len : 0] = '\0';
	name = strrchr(target, '/');
	snprintf(driver, size, "%s", name != NULL ? name + 1 : "");
	return 0;
}
