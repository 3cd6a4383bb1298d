/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/trail.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
trail_extend(struct trail_place *place, const char *record, size_t len)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	/* These fail only without memory; a chain that cannot go on must not pretend to. */
	if (context == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1 ||
			EVP_DigestUpdate(context, place->hash, sizeof(place->hash)) != 1 ||
			EVP_DigestUpdate(context, record, len) != 1 ||
			EVP_DigestFinal_ex(context, place->hash, NULL) != 1)
		memset(place->hash, 0xff, sizeof(place->hash));
	EVP_MD_CTX_free(context);
	place->seq++;
}

const char *
trail_hash_format(const uint8_t *hash, char *out)
{
	for (size_t i = 0; i < TRAIL_HASH_SIZE; i++)
		snprintf(out + 2 * i, 3, "%02x", hash[i]);
	return out;
}

int
trail_hash_parse(const char *text, uint8_t *out)
{
	if (strlen(text) != TRAIL_HASH_TEXT - 1 ||
			text[strspn(text, "0123456789abcdefABCDEF")] != '\0')
		return -EINVAL;
	for (size_t i = 0; i < TRAIL_HASH_SIZE; i++) {
		char digits[3] = { text[2 * i], text[2 * i + 1], '\0' };

		out[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return 0;
}
