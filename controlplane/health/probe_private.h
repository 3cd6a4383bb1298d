/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef HEALTH_PROBE_PRIVATE_H
#define HEALTH_PROBE_PRIVATE_H

/**
 * @file
 * What the kinds of probes share with each other and with probe.c. Of a kind, start()
 * begins an attempt of probe.check, on_io() hears of its socket, and stop() ends it and
 * says how far it came. silence() tells what it means that nothing has come in time.
 */

#include "controlplane/health/probe.h"

/**
 * Each handshake takes some 40 KiB, and at its end half a millisecond of the loop. So many are only
 * under way where many servers accept connections and then hang.
 */
#define PROBE_MAX_SHAKING 512

struct probe_env {
	struct ev_loop *loop;
	struct ping_client *pinger;
	unsigned int nb_shaking; /**< Handshakes by TLS under way. */
};

/** Stop, and tell. */
void probe_finish(struct probe *probe, enum probe_result result, const char *why);
/** The same after an errno: what it says, and about whom. */
void probe_finish_error(struct probe *probe, int error);

/* What kinds with a socket of their own share: probe.io. */

/** Connect; on_io() hears when that has ended, unless it fails at once: finished then. */
void probe_socket_connect(struct probe *probe);
/** First thing in on_io(). @return false: the connection failed, the probe is finished. */
bool probe_socket_connected(struct probe *probe);
void probe_socket_wait(struct probe *probe, int events); /**< For EV_READ, EV_WRITE. */
/** Send TEXT_SEND, or what is left of it. @return false: it is not all out, or finished. */
bool probe_socket_send_text(struct probe *probe);
/**
 * Read what has come behind probe.answer.
 * @param len Out: how much; 0: the connection was closed. @return false: nothing yet, or finished.
 */
bool probe_socket_receive(struct probe *probe, size_t *len);
/** And forget what was said and heard. Legal without a socket. */
void probe_socket_close(struct probe *probe);

void probe_tcp_start(struct probe *probe);
const char *probe_tcp_stop(struct probe *probe);
void probe_tcp_on_io(struct probe *probe, int events);

void probe_udp_start(struct probe *probe);
const char *probe_udp_stop(struct probe *probe);
void probe_udp_on_io(struct probe *probe, int events);
/** Good if it was sent, and no answer is expected. */
enum probe_result probe_udp_silence(const struct probe *probe);

void probe_icmp_start(struct probe *probe);
const char *probe_icmp_stop(struct probe *probe);
enum probe_result probe_icmp_silence(const struct probe *probe);

void probe_agent_start(struct probe *probe);
const char *probe_agent_stop(struct probe *probe);
void probe_agent_on_io(struct probe *probe, int events);

void probe_tls_start(struct probe *probe);
const char *probe_tls_stop(struct probe *probe);
void probe_tls_on_io(struct probe *probe, int events);
/** Before a handshake: forget the last one's verdict. @return false: finished, as trouble. */
bool probe_tls_prepare(struct probe *probe);
/** Go on with the handshake over a connection. @return true: it is done; false: it waits, or is finished. */
bool probe_tls_shake(struct probe *probe);
/** An operation of TLS has not gone through. @param kind SSL_get_error(). @return true: it waits. */
bool probe_tls_waits(struct probe *probe, int kind);
/** Is the certificate valid for long enough? @return NULL: it is; else why not. */
const char *probe_tls_why_short(const struct probe *probe);
/** Without goodbye; the socket is left. Legal without a handshake. */
void probe_tls_close(struct probe *probe);

void probe_http_start(struct probe *probe);
const char *probe_http_stop(struct probe *probe);
void probe_http_on_io(struct probe *probe, int events);
/** Give back what is kept from attempt to attempt. */
void probe_http_release(struct probe *probe);

#endif
