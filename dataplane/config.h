/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_CONFIG_H
#define DATAPLANE_CONFIG_H

/**
 * @file
 * The dataplane's own start-up file, dataplane.yaml: ports, lcores, memory. It is
 * read once, from disk, before EAL starts; services never stand in it.
 * doc/dataplane.yaml.md describes every key.
 *
 * Thread safety: values; written by config_load(), read-only from then on.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/addr.h"

#define CONFIG_MAX_PORTS 16
#define CONFIG_MAX_WORKERS 32
#define CONFIG_MAX_INTERFACES 8 /**< Of one port: the untagged one and up to 7 VLANs. */
#define CONFIG_MAX_ADDRESSES 16
#define CONFIG_MAX_NEIGHBOURS 64
#define CONFIG_MAX_BOND_MEMBERS 8
#define CONFIG_NAME_LEN 32
#define CONFIG_PORT_NAME_MAX 20 /**< Names of DPDK rings and devices are made from it. */

/** What stands behind a port, in a user's words. */
enum device_kind {
	DEVICE_PCI = 1,
	DEVICE_AF_PACKET,
	DEVICE_AF_XDP,
	DEVICE_TAP,
	DEVICE_MEMIF,
	DEVICE_PCAP,
	DEVICE_VIRTIO_USER,
	DEVICE_VHOST,
	DEVICE_NULL,
	DEVICE_RING,
	DEVICE_BOND,
	DEVICE_DEVARGS, /**< Raw EAL device arguments, for what has no words here. */
};

struct neighbour_conf {
	struct ip_addr addr;
	uint8_t mac[6];
};

/** An untagged or VLAN-tagged interface on a port. */
struct interface_conf {
	uint16_t vlan; /**< PACKET_VLAN_NONE: untagged. */
	uint16_t nb_addresses;
	uint16_t nb_neighbours;
	struct ip_prefix addresses[CONFIG_MAX_ADDRESSES]; /**< Our own, with their networks. */
	struct ip_addr gateway4;			  /**< IP_NONE: none. */
	struct ip_addr gateway6;
	struct neighbour_conf neighbours[CONFIG_MAX_NEIGHBOURS]; /**< Static. */
};

struct bond_conf {
	char mode[24]; /**< "active-backup", "balance-xor", "802.3ad", … */
	uint16_t nb_members;
	char members[CONFIG_MAX_BOND_MEMBERS][CONFIG_NAME_LEN]; /**< Names of other ports. */
};

/** What becomes of packets for no service. */
enum punt_kind {
	PUNT_DROP = 0,
	PUNT_TAP, /**< To the kernel through a paired TAP; what the kernel sends goes out of the port. */
};

struct port_conf {
	char name[CONFIG_NAME_LEN];
	uint8_t kind; /**< enum device_kind. */
	uint8_t punt; /**< enum punt_kind. */
	bool promiscuous;
	bool checksum_offload; /**< Use it where the device has it; default true. */
	bool bond_member;      /**< Named in a bond: not a port of its own. */
	uint16_t rx_queues;    /**< 0: one for each worker, as far as the device goes. */
	uint16_t descriptors;  /**< Of each queue; 0: the driver's default. */
	uint16_t mtu;	       /**< 0: the device's. */
	char punt_tap[16];     /**< Kernel's name of the TAP; default "gw-" + name, cut to 15. */
	uint8_t mac[6];	       /**< All zero: the device's. */
	/* What the kinds need; empty strings where not given. */
	char pci[32];	       /**< "0000:3b:00.0" */
	char interface[16];    /**< Kernel interface: af_packet, af_xdp, tap. */
	char path[108];	       /**< Socket: memif, virtio_user, vhost; pcap: file to read. */
	char pcap_out[108];    /**< pcap: file to write. */
	char memif_role[8];    /**< "server" or "client". */
	char xdp_program[108]; /**< af_xdp: object file with an XSKMAP named xsks_map. */
	char devargs[256];
	int line; /**< Of dataplane.yaml, for messages. */
	struct bond_conf bond;
	uint16_t nb_interfaces; /**< At least one: interfaces[0] is untagged unless only VLANs are given. */
	struct interface_conf interfaces[CONFIG_MAX_INTERFACES];
};

/** What a worker does when it finds nothing to do. */
enum idle_kind {
	IDLE_POLL = 1, /**< Goes on polling: lowest latency, a whole core. */
	IDLE_SLEEP,    /**< Sleeps, ever longer, up to idle_max_us. */
};

struct dataplane_conf {
	/* lcores */
	uint16_t main_lcore;
	uint16_t nb_workers;
	uint16_t workers[CONFIG_MAX_WORKERS]; /**< CPU of each; may equal main_lcore's on small machines. */
	uint8_t idle;			      /**< enum idle_kind. */
	uint32_t idle_max_us;		      /**< Longest sleep; default 100. */
	/* memory */
	bool hugepages;	    /**< False: --no-huge (tests, laptops). */
	uint32_t memory_mb; /**< 0: as much as the flow tables, pools and rings need. */
	uint32_t flows4;    /**< IPv4 flows of one worker; default 1,000,000. */
	uint32_t flows6;    /**< IPv6 flows of one worker; default 250,000. */
	uint32_t max_services;
	uint32_t max_members;
	uint32_t mbufs; /**< Packet buffers of all ports together; 0: by queues and descriptors. */
	uint16_t mbuf_size; /**< Data room; default 2048 + headroom. */
	/* channel */
	char channel_socket[108]; /**< Default /run/guideway/channel.sock. */
	char control_user[32];	  /**< May connect besides root; default "guideway" if it exists. */
	uid_t control_uid;	  /**< Resolved; (uid_t)-1: root only. */
	/* advertise: empty: VIPs are not advertised. */
	char advertise_tap[16];	      /**< The kernel's name of the TAP of VIPs. */
	char advertise_spare_tap[16]; /**< Of VIPs for which others come first; may be empty. */
	/* misc */
	char file_prefix[32]; /**< EAL's; default "guideway". */
	char log_level[16];   /**< "info", "debug", … */
	uint16_t nb_ports;
	struct port_conf ports[CONFIG_MAX_PORTS];
};

/**
 * Where and what is wrong in a file, a line each, without a newline at the end:
 * "dataplane.yaml:12:10: ports[0].mtu: 70000 is not in 68..9600".
 */
struct config_error {
	char text[8192];
};

/**
 * Read and check @p path; defaults are filled in.
 * @return 0; -EINVAL: syntax or a value, see @p error; another -errno: the file cannot be read,
 *         @p error says so too.
 */
int config_load(const char *path, struct dataplane_conf *conf, struct config_error *error);

/** Number of a bonding mode in net_bonding, or -1. */
int bond_mode_number(const char *mode);

/** Does @p text begin with a whole PCI address ("0000:3b:00.0"), before its end or a comma? */
bool config_is_pci_address(const char *text);

/** The word of dataplane.yaml for a kind: "af_packet". */
const char *device_kind_name(uint8_t kind);

#endif
