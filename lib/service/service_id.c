/* SPDX-License-Identifier: BSD-3-Clause */
#include "service/service_id.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *
service_id_format(const struct service_key *key, char *buf)
{
	char addr[IP_ADDR_STRLEN];
	bool brackets = key->vip.family == IP_V6;

	snprintf(buf, SERVICE_ID_STRLEN, "%s/%s%s%s:%u", service_protocol_name(key->protocol),
			brackets ? "[" : "", ip_addr_format(&key->vip, addr), brackets ? "]" : "",
			(unsigned int)key->l4_port);
	return buf;
}

int
service_protocol_parse(const char *text, uint8_t *out)
{
	if (strcmp(text, "tcp") == 0)
		*out = PROTOCOL_TCP;
	else if (strcmp(text, "udp") == 0)
		*out = PROTOCOL_UDP;
	else
		return -EINVAL;
	return 0;
}

int
service_mode_parse(const char *text, uint8_t *out)
{
	if (strcmp(text, "direct") == 0)
		*out = MODE_DIRECT;
	else if (strcmp(text, "ipip") == 0)
		*out = MODE_IPIP;
	else
		return -EINVAL;
	return 0;
}

int
service_on_down_parse(const char *text, uint8_t *out)
{
	if (strcmp(text, "move") == 0)
		*out = ON_DOWN_MOVE;
	else if (strcmp(text, "reset") == 0)
		*out = ON_DOWN_RESET;
	else if (strcmp(text, "keep") == 0)
		*out = ON_DOWN_KEEP;
	else
		return -EINVAL;
	return 0;
}

int
service_advertise_parse(const char *text, uint8_t *out)
{
	if (strcmp(text, "preferred") == 0)
		*out = ADVERTISE_PREFERRED;
	else if (strcmp(text, "spare") == 0)
		*out = ADVERTISE_SPARE;
	else if (strcmp(text, "none") == 0)
		*out = ADVERTISE_NONE;
	else
		return -EINVAL;
	return 0;
}

int
backend_admin_parse(const char *text, uint8_t *out)
{
	if (strcmp(text, "enabled") == 0)
		*out = ADMIN_ENABLED;
	else if (strcmp(text, "draining") == 0)
		*out = ADMIN_DRAINING;
	else if (strcmp(text, "disabled") == 0)
		*out = ADMIN_DISABLED;
	else
		return -EINVAL;
	return 0;
}

/** Digits only, no leading zero, 1..65535. */
static int
port_parse(const char *text, uint16_t *out)
{
	size_t len = strlen(text);
	unsigned long n;

	if (len == 0 || len > 5 || strspn(text, "0123456789") != len || text[0] == '0')
		return -EINVAL;
	n = strtoul(text, NULL, 10);
	if (n > UINT16_MAX)
		return -EINVAL;
	*out = (uint16_t)n;
	return 0;
}

int
service_id_parse(const char *text, struct service_key *out)
{
	struct service_key key = { .reserved = 0 };
	char copy[SERVICE_ID_STRLEN];
	char *addr, *colon;
	size_t len = strlen(text);
	size_t addr_len;

	if (len >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, len + 1);
	addr = strchr(copy, '/');
	colon = strrchr(copy, ':');
	if (addr == NULL || colon == NULL || colon < addr)
		return -EINVAL;
	*addr++ = '\0';
	*colon = '\0';
	if (service_protocol_parse(copy, &key.protocol) != 0 ||
			port_parse(colon + 1, &key.l4_port) != 0)
		return -EINVAL;

	addr_len = strlen(addr);
	if (addr[0] == '[' && addr[addr_len - 1] == ']') {
		addr[addr_len - 1] = '\0';
		if (ip_addr_parse(addr + 1, &key.vip) != 0 || key.vip.family != IP_V6)
			return -EINVAL;
	} else if (ip_addr_parse(addr, &key.vip) != 0 || key.vip.family != IP_V4) {
		return -EINVAL;
	}
	*out = key;
	return 0;
}

int
service_key_compare(const struct service_key *a, const struct service_key *b)
{
	int order = ip_addr_compare(&a->vip, &b->vip);

	if (order != 0)
		return order;
	if (a->protocol != b->protocol)
		return a->protocol < b->protocol ? -1 : 1;
	if (a->l4_port != b->l4_port)
		return a->l4_port < b->l4_port ? -1 : 1;
	return 0;
}
