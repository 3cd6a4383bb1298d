/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

/**
 * @file
 * What a service and its backends are: the vocabulary that both planes share.
 *
 * A service is (address, protocol, port) and its policy; its address alone is
 * the VIP. A backend is a real server, as a member of one service: the same
 * server in two services has a weight and a state in each.
 *
 * Thread safety: plain values and pure functions.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "flow/flow_state.h"

/** Limits of one dataplane; more is a clear error. See doc/limits.md. */
#define SERVICE_MAX 16384	  /**< Services. */
#define BACKEND_MAX 65534	  /**< Distinct backend addresses; also backends of one service. */
#define BACKEND_MAX_WEIGHT 65535  /**< = MAGLEV_MAX_WEIGHT. */
#define BACKEND_FACTOR_ONE 65536U /**< = MAGLEV_FACTOR_ONE. */
#define SERVICE_MAX_LIFETIME_S FLOW_MAX_LIFETIME_S /**< Eight hours. */
#define SERVICE_MAX_SYN_RESELECT_IDLE_S 3600	   /**< An hour. */

/** IP protocol numbers that a service may have (IANA). */
enum service_protocol {
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
};

/** How a packet reaches its backend. */
enum service_mode {
	MODE_DIRECT = 1, /**< Destination MAC rewritten; the backend has the VIP (direct server return). */
	MODE_IPIP = 2, /**< IP-in-IP (RFC 2003, 2473, 4213), either family outside. */
};

/** What a person wants of a backend. */
enum backend_admin {
	ADMIN_ENABLED = 1,
	ADMIN_DRAINING = 2, /**< Keeps its flows, gets no new ones. */
	ADMIN_DISABLED = 3, /**< Its flows go to others at once. */
};

/** What was observed of a backend. */
enum backend_health {
	HEALTH_UNKNOWN = 1, /**< Not checked (yet): treated as up. */
	HEALTH_UP = 2,
	HEALTH_DOWN = 3, /**< Gets no new flows; of those it has see enum service_on_down. */
};

/** What becomes of a backend's flows when its health is down. Zero is the default. */
enum service_on_down {
	ON_DOWN_MOVE = 0, /**< The next packet of each chooses anew. */
	ON_DOWN_RESET = 1, /**< Likewise, but a TCP connection's next packet is answered with a RST. */
	ON_DOWN_KEEP = 2, /**< They stay; only new flows avoid it. */
};

/** How routers hear of a service's VIP, where the balancer advertises VIPs at all. */
enum service_advertise {
	ADVERTISE_PREFERRED = 0,
	ADVERTISE_SPARE = 1, /**< Others first; this balancer if nobody else has it. */
	ADVERTISE_NONE = 2,
};

/** Identity of a service. */
struct service_key {
	struct ip_addr vip;
	uint16_t l4_port; /**< Host order; not 0. */
	uint8_t protocol; /**< enum service_protocol. */
	uint8_t reserved; /**< Zero. */
};
_Static_assert(sizeof(struct service_key) == 24, "wire format");

/** A service without its backends. */
struct service_conf {
	struct service_key key;
	uint32_t nb_slots;		     /**< Maglev table; 0 = by maglev_default_slots(). */
	uint32_t lifetime_s[NB_FLOW_STATES]; /**< Idle seconds until a flow expires; 0 = default. */
	uint32_t syn_reselect_idle_s; /**< A SYN on a flow idle for so long chooses anew; 0 = default. */
	uint8_t mode;		      /**< enum service_mode. */
	uint8_t on_down;	      /**< enum service_on_down. */
	uint8_t advertise; /**< enum service_advertise; of services with one VIP the best counts. */
	uint8_t reserved;  /**< Zero. */
};
_Static_assert(sizeof(struct service_conf) == 52, "wire format");

/** One backend of one service. */
struct backend_conf {
	struct ip_addr addr;
	uint32_t weight;     /**< 0…BACKEND_MAX_WEIGHT; 0 = no new flows. */
	uint32_t factor;     /**< 0…BACKEND_FACTOR_ONE: slow start, dynamic weight. */
	uint8_t admin;	     /**< enum backend_admin. */
	uint8_t health;	     /**< enum backend_health. */
	uint8_t reserved[2]; /**< Zero. */
};
_Static_assert(sizeof(struct backend_conf) == 32, "wire format");

/** Default lifetimes in seconds, by enum flow_state: 30, 900, 30, 60. */
extern const uint32_t service_default_lifetime_s[NB_FLOW_STATES];
/** Default of syn_reselect_idle_s: 3. */
#define SERVICE_DEFAULT_SYN_RESELECT_IDLE_S 3

/** Why a configuration is refused; numbers are part of the wire format: append only. */
enum conf_error {
	CONF_OK = 0,
	CONF_BAD_ADDRESS, /**< Not a valid unicast address, or unused bytes set. */
	CONF_BAD_PROTOCOL,
	CONF_BAD_PORT,
	CONF_BAD_MODE,
	CONF_BAD_SLOTS, /**< Not a prime in the range of maglev_slots_valid(). */
	CONF_BAD_LIFETIME,
	CONF_BAD_WEIGHT,
	CONF_BAD_FACTOR,
	CONF_BAD_ADMIN,
	CONF_BAD_HEALTH,
	CONF_BAD_RESERVED,    /**< Reserved bytes are not zero. */
	CONF_FAMILY_MISMATCH, /**< Mode direct cannot cross families. */
	CONF_BACKEND_IS_VIP,  /**< The backend's address is the service's own VIP. */
	CONF_NO_SUCH_SERVICE,
	CONF_NO_SUCH_BACKEND,
	CONF_TOO_MANY_SERVICES,
	CONF_TOO_MANY_BACKENDS,
	CONF_NO_MEMORY,
	CONF_SLOTS_TOO_FEW, /**< Fewer slots than backends with weight. */
	CONF_NO_HASH_KEY,   /**< Services without a hash key. */
	CONF_SAME_IDENTITY, /**< Two backends of a service with equal maglev_backend_key(). */
	CONF_BAD_ON_DOWN,
	CONF_BAD_ADVERTISE,
	NB_CONF_ERRORS
};

/** One phrase for people, e.g. "weight is not in 0..65535". */
const char *conf_error_text(enum conf_error error);

/** Every field of a service on its own. */
enum conf_error service_conf_check(const struct service_conf *conf);

/** Only the key of a service. */
enum conf_error service_key_check(const struct service_key *key);

/** Every field of a backend, on its own and against the service that it belongs to. */
enum conf_error backend_conf_check(
		const struct service_conf *service, const struct backend_conf *conf);

/** What follows from what is wanted and what was observed. */
struct backend_effect {
	bool takes_new_flows;
	bool keeps_flows;  /**< False: the next packet of each of its flows chooses anew. */
	bool resets_flows; /**< Such a packet of a TCP connection is answered with a RST, too. */
};

/**
 * The one table that combines admin state and health, and on-down of the service:
 *
 *     admin \ health   unknown        up             down: move   reset    keep
 *     enabled          new, keeps     new, keeps           -      resets   keeps
 *     draining         keeps          keeps                -      resets   keeps
 *     disabled         -              -                    -      -        -
 *
 * Weight and factor then scale the share of new flows.
 */
struct backend_effect backend_effect(
		enum service_on_down on_down, enum backend_admin admin, enum backend_health health);

/**
 * What stands for a backend in a service's Maglev table: maglev_backend_key() of the bytes of
 * doc/maglev.md (the family, then the address's 4 or 16 bytes).
 */
uint64_t backend_identity(const struct ip_addr *addr);

const char *service_protocol_name(uint8_t protocol); /**< "tcp", "udp", else "?". */
const char *service_mode_name(uint8_t mode);	     /**< "direct", "ipip", else "?". */
const char *service_on_down_name(uint8_t on_down);   /**< "move", "reset", "keep", else "?". */
const char *service_advertise_name(
		uint8_t advertise);	       /**< "preferred", "spare", "none", else "?". */
const char *backend_admin_name(uint8_t admin); /**< "enabled", "draining", "disabled", else "?". */
const char *backend_health_name(uint8_t health); /**< "unknown", "up", "down", else "?". */

#endif
