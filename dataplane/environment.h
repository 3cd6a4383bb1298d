/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_ENVIRONMENT_H
#define DATAPLANE_ENVIRONMENT_H

/**
 * @file
 * What this machine has: hugepages, CPUs, rights, kernel interfaces, PCI devices.
 * Facts only, from /sys, /proc and ioctl(2); what follows from them is decided in
 * preflight.c and told in report.c. Needs no EAL.
 *
 * Thread safety: any thread; not for workers.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENVIRONMENT_MAX_NODES 16

/** Hugepages of one size on one NUMA node. */
struct hugepages {
	unsigned int node;
	unsigned int page_kb; /**< 2048, 1048576 */
	uint64_t total;
	uint64_t free;
};

/** @return how many were found, at most @p max; sizes without any page are left out. */
unsigned int environment_hugepages(struct hugepages *out, unsigned int max);

/** NUMA nodes with memory, at least 1. */
unsigned int environment_nb_nodes(void);
/** NUMA node of a CPU; 0 if unknown. */
unsigned int environment_cpu_node(unsigned int cpu);

/** Does the machine have this CPU, and is it online? */
bool environment_cpu_exists(unsigned int cpu);
/** May this process run on it (affinity, cpuset)? Call before EAL pins the thread. */
bool environment_cpu_allowed(unsigned int cpu);
/** "0-3,8": the kernel's list of CPUs that are online. @return @p buf. */
const char *environment_cpu_list(char *buf, size_t size);

/** Memory that can be had without swapping, in MiB: the machine's or the cgroup's. */
uint64_t environment_memory_mb(void);

/** An effective capability, by its number (linux/capability.h). */
bool environment_has_capability(unsigned int capability);

/** A kernel interface. */
struct kernel_interface {
	unsigned int index;
	uint16_t mtu;
	bool up;
	bool has_ipv4;	       /**< The kernel has an address there, too. */
	unsigned int channels; /**< "combined" of ethtool -l; 1 if the driver does not say. */
};
/** @return 0 or -errno (-ENODEV: no such interface). */
int environment_interface(const char *name, struct kernel_interface *out);

/* Change a kernel interface. @return 0 or -errno. */
int environment_interface_up(const char *name);
int environment_interface_set_mtu(const char *name, uint16_t mtu);
int environment_interface_set_mac(const char *name, const uint8_t mac[6]);

/** What lies at the path of a Unix stream socket. */
enum socket_state {
	SOCKET_FREE = 0, /**< Nothing. */
	SOCKET_STALE,	 /**< A socket that nobody listens on: its owner was killed. */
	SOCKET_TAKEN,	 /**< A process listens there, or it is no socket. */
};
enum socket_state environment_socket(const char *path);

/**
 * The kernel driver of a PCI device ("vfio-pci"; "" if none is bound).
 * @return 0, or -ENODEV: no such device.
 */
int environment_pci_driver(const char *address, char *driver, size_t size);

#endif
