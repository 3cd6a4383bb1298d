/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/encap.h"

#include <string.h>

#include "net/checksum.h"

#define OUTER_TTL 64
#define PROTOCOL_IPV4 4
#define PROTOCOL_IPV6 41

uint8_t
encap_template_init(struct encap_template *t, const struct ip_addr *src, const struct ip_addr *dst,
		enum ip_family inner)
{
	uint8_t protocol = inner == IP_V4 ? PROTOCOL_IPV4 : PROTOCOL_IPV6;

	memset(t, 0, sizeof(*t));
	if ((inner != IP_V4 && inner != IP_V6) || src->family != dst->family)
		return 0;

	switch (src->family) {
	case IP_V4:
		t->header[0] = 0x45;
		t->header[6] = 0x40; /* DF. */
		t->header[8] = OUTER_TTL;
		t->header[9] = protocol;
		memcpy(t->header + 12, src->bytes, 4);
		memcpy(t->header + 16, dst->bytes, 4);
		t->partial_sum = checksum_fold(checksum_add(t->header, ENCAP_V4_LEN, 0));
		return ENCAP_V4_LEN;
	case IP_V6:
		t->header[0] = 0x60;
		t->header[6] = protocol;
		t->header[7] = OUTER_TTL;
		memcpy(t->header + 8, src->bytes, 16);
		memcpy(t->header + 24, dst->bytes, 16);
		return ENCAP_V6_LEN;
	default:
		return 0;
	}
}
