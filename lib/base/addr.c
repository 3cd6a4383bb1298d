/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

unsigned int
ip_family_size(uint8_t family)
{
	switch (family) {
	case IP_V4:
		return 4;
	case IP_V6:
		return 16;
	default:
		return 0;
	}
}

struct ip_addr
ip_addr_from_bytes(enum ip_family family, const void *bytes)
{
	struct ip_addr addr = { .family = (uint8_t)family };

	memcpy(addr.bytes, bytes, ip_family_size(addr.family));
	return addr;
}

int
ip_addr_parse(const char *text, struct ip_addr *out)
{
	struct ip_addr addr = { .family = IP_NONE };

	if (inet_pton(AF_INET, text, addr.bytes) == 1)
		addr.family = IP_V4;
	else if (inet_pton(AF_INET6, text, addr.bytes) == 1)
		addr.family = IP_V6;
	else
		return -EINVAL;
	*out = addr;
	return 0;
}

int
ip_prefix_parse(const char *text, struct ip_prefix *out)
{
	const char *slash = strchr(text, '/');
	char host[IP_ADDR_STRLEN];
	struct ip_prefix prefix;
	unsigned long len;
	char *end;

	if (slash == NULL || (size_t)(slash - text) >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = '\0';
	if (ip_addr_parse(host, &prefix.addr) < 0)
		return -EINVAL;

	if (slash[1] < '0' || slash[1] > '9') /* strtoul() would take a sign or a space. */
		return -EINVAL;
	len = strtoul(slash + 1, &end, 10);
	if (*end != '\0' || len > 8UL * ip_family_size(prefix.addr.family))
		return -EINVAL;
	prefix.len = (uint8_t)len;
	*out = prefix;
	return 0;
}

const char *
ip_addr_format(const struct ip_addr *addr, char *buf)
{
	if (ip_family_size(addr->family) == 0)
		strcpy(buf, "none");
	else
		inet_ntop(addr->family == IP_V4 ? AF_INET : AF_INET6, addr->bytes, buf,
				IP_ADDR_STRLEN);
	return buf;
}

bool
ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

int
ip_addr_compare(const struct ip_addr *a, const struct ip_addr *b)
{
	if (a->family != b->family)
		return (int)a->family - (int)b->family;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

bool
ip_prefix_contains(const struct ip_prefix *prefix, const struct ip_addr *addr)
{
	unsigned int whole = prefix->len / 8;
	unsigned int rest = prefix->len % 8;
	uint8_t mask = (uint8_t)(0xff00U >> rest);

	if (addr->family != prefix->addr.family)
		return false;
	if (memcmp(addr->bytes, prefix->addr.bytes, whole) != 0)
		return false;
	return rest == 0 || ((addr->bytes[whole] ^ prefix->addr.bytes[whole]) & mask) == 0;
}

bool
ip_addr_valid(const struct ip_addr *addr)
{
	unsigned int size = ip_family_size(addr->family);
	uint8_t rest = 0;

	if (size == 0)
		return false;
	for (unsigned int i = size; i < sizeof(addr->bytes); i++)
		rest |= addr->bytes[i];
	for (unsigned int i = 0; i < sizeof(addr->reserved); i++)
		rest |= addr->reserved[i];
	return rest == 0;
}

bool
ip_addr_is_unicast(const struct ip_addr *addr)
{
	static const uint8_t unspecified[16];
	static const uint8_t broadcast[4] = { 255, 255, 255, 255 };

	if (memcmp(addr->bytes, unspecified, sizeof(unspecified)) == 0)
		return false;
	if (addr->family == IP_V4)
		return (addr->bytes[0] & 0xf0) != 0xe0 &&
				memcmp(addr->bytes, broadcast, sizeof(broadcast)) != 0;
	return addr->family == IP_V6 && addr->bytes[0] != 0xff;
}
