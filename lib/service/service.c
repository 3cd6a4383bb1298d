/* SPDX-License-Identifier: BSD-3-Clause */
#include "service/service.h"

#include <string.h>

#include "base/compiler.h"
#include "hash/maglev.h"

_Static_assert(BACKEND_MAX == MAGLEV_MAX_BACKENDS, "a slot can name every backend");
_Static_assert(BACKEND_MAX_WEIGHT == MAGLEV_MAX_WEIGHT, "one range of weights");
_Static_assert(BACKEND_FACTOR_ONE == MAGLEV_FACTOR_ONE, "one scale of factors");

const uint32_t service_default_lifetime_s[NB_FLOW_STATES] = {
	[FLOW_HALF_OPEN] = 30,
	[FLOW_OPEN] = 900,
	[FLOW_CLOSING] = 30,
	[FLOW_UDP] = 60,
};

const char *
conf_error_text(enum conf_error error)
{
	static const char *const texts[NB_CONF_ERRORS] = {
		[CONF_OK] = "no error",
		[CONF_BAD_ADDRESS] = "not a valid unicast address",
		[CONF_BAD_PROTOCOL] = "protocol is neither tcp nor udp",
		[CONF_BAD_PORT] = "port is not in 1..65535",
		[CONF_BAD_MODE] = "mode is neither direct nor ipip",
		[CONF_BAD_SLOTS] = "number of slots is not a prime in 251..1048573",
		[CONF_BAD_LIFETIME] =
				"lifetime is longer than eight hours, or SYN re-selection than an hour",
		[CONF_BAD_WEIGHT] = "weight is not in 0..65535",
		[CONF_BAD_FACTOR] = "factor is not in 0..65536",
		[CONF_BAD_ADMIN] = "admin state is not enabled, draining or disabled",
		[CONF_BAD_HEALTH] = "health is not unknown, up or down",
		[CONF_BAD_RESERVED] = "reserved bytes are not zero",
		[CONF_FAMILY_MISMATCH] =
				"mode direct cannot lead to a backend of the other IP version",
		[CONF_BACKEND_IS_VIP] = "the backend's address is the service's own",
		[CONF_NO_SUCH_SERVICE] = "no such service",
		[CONF_NO_SUCH_BACKEND] = "the service has no such backend",
		[CONF_TOO_MANY_SERVICES] = "too many services, those removed a moment ago included",
		[CONF_TOO_MANY_BACKENDS] = "too many backends, those removed a moment ago included",
		[CONF_NO_MEMORY] = "out of memory",
		[CONF_SLOTS_TOO_FEW] = "fewer slots than backends with a weight",
		[CONF_NO_HASH_KEY] = "services need a hash key first",
		[CONF_SAME_IDENTITY] = "two backends of the service have the same Maglev identity",
		[CONF_BAD_ON_DOWN] = "on-down is not move, reset or keep",
		[CONF_BAD_ADVERTISE] = "advertise is not preferred, spare or none",
	};

	if ((unsigned int)error >= NB_CONF_ERRORS || texts[error] == NULL)
		return "unknown error";
	return texts[error];
}

enum conf_error
service_key_check(const struct service_key *key)
{
	if (!ip_addr_valid(&key->vip) || !ip_addr_is_unicast(&key->vip))
		return CONF_BAD_ADDRESS;
	if (key->protocol != PROTOCOL_TCP && key->protocol != PROTOCOL_UDP)
		return CONF_BAD_PROTOCOL;
	if (key->l4_port == 0)
		return CONF_BAD_PORT;
	if (key->reserved != 0)
		return CONF_BAD_RESERVED;
	return CONF_OK;
}

enum conf_error
service_conf_check(const struct service_conf *conf)
{
	enum conf_error error = service_key_check(&conf->key);

	if (error != CONF_OK)
		return error;
	if (conf->mode != MODE_DIRECT && conf->mode != MODE_IPIP)
		return CONF_BAD_MODE;
	if (conf->on_down > ON_DOWN_KEEP)
		return CONF_BAD_ON_DOWN;
	if (conf->advertise > ADVERTISE_NONE)
		return CONF_BAD_ADVERTISE;
	if (conf->nb_slots != 0 && !maglev_slots_valid(conf->nb_slots))
		return CONF_BAD_SLOTS;
	for (unsigned int i = 0; i < NB_FLOW_STATES; i++)
		if (conf->lifetime_s[i] > SERVICE_MAX_LIFETIME_S)
			return CONF_BAD_LIFETIME;
	if (conf->syn_reselect_idle_s > SERVICE_MAX_SYN_RESELECT_IDLE_S)
		return CONF_BAD_LIFETIME;
	if (conf->reserved != 0)
		return CONF_BAD_RESERVED;
	return CONF_OK;
}

enum conf_error
backend_conf_check(const struct service_conf *service, const struct backend_conf *conf)
{
	if (!ip_addr_valid(&conf->addr) || !ip_addr_is_unicast(&conf->addr))
		return CONF_BAD_ADDRESS;
	if (conf->weight > BACKEND_MAX_WEIGHT)
		return CONF_BAD_WEIGHT;
	if (conf->factor > BACKEND_FACTOR_ONE)
		return CONF_BAD_FACTOR;
	if (conf->admin < ADMIN_ENABLED || conf->admin > ADMIN_DISABLED)
		return CONF_BAD_ADMIN;
	if (conf->health < HEALTH_UNKNOWN || conf->health > HEALTH_DOWN)
		return CONF_BAD_HEALTH;
	for (unsigned int i = 0; i < ARRAY_LEN(conf->reserved); i++)
		if (conf->reserved[i] != 0)
			return CONF_BAD_RESERVED;
	if (ip_addr_equal(&conf->addr, &service->key.vip))
		return CONF_BACKEND_IS_VIP;
	if (service->mode == MODE_DIRECT && conf->addr.family != service->key.vip.family)
		return CONF_FAMILY_MISMATCH;
	return CONF_OK;
}

struct backend_effect
backend_effect(enum service_on_down on_down, enum backend_admin admin, enum backend_health health)
{
	struct backend_effect effect = { false, false, false };
	bool down = health == HEALTH_DOWN;

	if (admin == ADMIN_DISABLED)
		return effect;
	effect.keeps_flows = !down || on_down == ON_DOWN_KEEP;
	effect.resets_flows = down && on_down == ON_DOWN_RESET;
	effect.takes_new_flows = !down && admin == ADMIN_ENABLED;
	return effect;
}

const char *
service_protocol_name(uint8_t protocol)
{
	switch (protocol) {
	case PROTOCOL_TCP:
		return "tcp";
	case PROTOCOL_UDP:
		return "udp";
	default:
		return "?";
	}
}

const char *
service_mode_name(uint8_t mode)
{
	switch (mode) {
	case MODE_DIRECT:
		return "direct";
	case MODE_IPIP:
		return "ipip";
	default:
		return "?";
	}
}

const char *
service_on_down_name(uint8_t on_down)
{
	switch (on_down) {
	case ON_DOWN_MOVE:
		return "move";
	case ON_DOWN_RESET:
		return "reset";
	case ON_DOWN_KEEP:
		return "keep";
	default:
		return "?";
	}
}

const char *
service_advertise_name(uint8_t advertise)
{
	switch (advertise) {
	case ADVERTISE_PREFERRED:
		return "preferred";
	case ADVERTISE_SPARE:
		return "spare";
	case ADVERTISE_NONE:
		return "none";
	default:
		return "?";
	}
}

const char *
backend_admin_name(uint8_t admin)
{
	switch (admin) {
	case ADMIN_ENABLED:
		return "enabled";
	case ADMIN_DRAINING:
		return "draining";
	case ADMIN_DISABLED:
		return "disabled";
	default:
		return "?";
	}
}

const char *
backend_health_name(uint8_t health)
{
	switch (health) {
	case HEALTH_UNKNOWN:
		return "unknown";
	case HEALTH_UP:
		return "up";
	case HEALTH_DOWN:
		return "down";
	default:
		return "?";
	}
}

uint64_t
backend_identity(const struct ip_addr *addr)
{
	uint8_t id[1 + sizeof(addr->bytes)];

	id[0] = addr->family;
	memcpy(id + 1, addr->bytes, sizeof(addr->bytes));
	return maglev_backend_key(id, 1 + ip_family_size(addr->family));
}
