/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_EAL_CLIENT_H
#define TESTS_EAL_CLIENT_H

/**
 * @file
 * A client, 198.51.100.1, of a TCP and a UDP service in mode direct on CLIENT_VIP port 80, and
 * their three backends: client_addrs, one interface each.
 */

#include "rig.h"

#define CLIENT_VIP "192.0.2.1"
#define CLIENT_BACKENDS 3

extern const char *const client_addrs[CLIENT_BACKENDS];

/** Each test, for cmocka: a rig with room for 64 flows of each family, and both services. */
int client_setup(void **state);
int client_teardown(void **state);

/** A service as it was added. */
struct service_conf service(uint8_t protocol);
void add_service(uint8_t protocol);
/** Of the TCP service. */
void set_backend(const struct backend_conf *conf);
void remove_backend(const struct ip_addr *addr);

struct rte_mbuf *packet(uint8_t protocol, uint16_t client_port, uint8_t flags, uint32_t payload);
/** Send one packet. @return the last byte of the backend's address that it went to; 0: nowhere. */
uint8_t ask(uint8_t protocol, uint16_t client_port, uint8_t flags, uint32_t payload);
uint8_t syn(uint16_t client_port);
uint8_t data(uint16_t client_port); /**< ACK and 10 bytes. */

/** The first client port from @p from on that the table gives to backend @p to. */
uint16_t port_for(uint8_t to, uint16_t from);
/** The statistics index of a backend; UINT32_MAX: it has none. */
uint32_t stats_index(const char *addr);

#endif
