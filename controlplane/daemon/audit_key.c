/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/audit_key.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIGNATURE_BYTES 64
#define MESSAGE_MAX 256

struct audit_key {
	EVP_PKEY *key;
	char public_text[AUDIT_PUBLIC_TEXT];
};

/* The file. */

/** @return NULL: *error says why; *@p absent: there is none yet. */
static EVP_PKEY *
read_key(const char *path, bool *absent, char *error, size_t error_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
	EVP_PKEY *key = NULL;
	struct stat st;

	*absent = fd < 0 && errno == ENOENT;
	if (file == NULL) {
		snprintf(error, error_size, "%s: %s", path, strerror(errno));
		return NULL;
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		snprintf(error, error_size, "%s: is no file", path);
	else if ((st.st_mode & 077) != 0)
		snprintf(error, error_size, "%s: others may read it: chmod 600", path);
	else
		key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	if (key == NULL && (st.st_mode & 077) == 0)
		snprintf(error, error_size,
				"%s: holds no private key (PEM); restore it, or move it away: then a new "
				"one is made, and heads signed before do not verify with it",
				path);
	if (key != NULL && EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) {
		snprintf(error, error_size, "%s: is no Ed25519 key", path);
		EVP_PKEY_free(key);
		key = NULL;
	}
	fclose(file);
	return key;
}

/** Under a name of its own first: a key that is half there must not be found. */
static bool
write_key(const char *path, EVP_PKEY *key, char *error, size_t error_size)
{
	char draft[4096];
	FILE *file;
	bool good = false;
	int fd;

	snprintf(draft, sizeof(draft), "%s.new", path);
	fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	file = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (file != NULL) {
		good = PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1 &&
				fflush(file) == 0 && fsync(fd) == 0;
		good = fclose(file) == 0 && good;
		good = good && rename(draft, path) == 0;
	}
	if (!good)
		snprintf(error, error_size, "%s: cannot be written: %s", path, strerror(errno));
	return good;
}

static bool
note_public(struct audit_key *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int len = -1;

	if (bio != NULL && PEM_write_bio_PUBKEY(bio, key->key) == 1)
		len = BIO_read(bio, key->public_text, sizeof(key->public_text) - 1);
	BIO_free(bio);
	return len > 0;
}

struct audit_key *
audit_key_load(const char *path, char *error, size_t error_size)
{
	struct audit_key *key = calloc(1, sizeof(*key));
	bool absent = false;

	if (key == NULL) {
		snprintf(error, error_size, "out of memory");
		return NULL;
	}
	key->key = read_key(path, &absent, error, error_size);
	if (absent) {
		key->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		if (key->key == NULL)
			snprintf(error, error_size, "%s: no key can be made", path);
		else if (!write_key(path, key->key, error, error_size))
			goto err_free;
	}
	if (key->key != NULL && note_public(key))
		return key;

err_free:
	audit_key_free(key);
	return NULL;
}

void
audit_key_free(struct audit_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->key);
	free(key);
}

const char *
audit_key_public(const struct audit_key *key)
{
	return key->public_text;
}

/* Signing. */

static size_t
message_of(const struct trail_place *head, const char *at, char *out)
{
	char hash[TRAIL_HASH_TEXT];

	return (size_t)snprintf(out, MESSAGE_MAX, "guideway audit head\n%" PRIu64 "\n%s\n%s\n",
			head->seq, trail_hash_format(head->hash, hash), at);
}

int
audit_key_sign(const struct audit_key *key, const struct trail_place *head, const char *at,
		char *signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char bytes[SIGNATURE_BYTES];
	size_t len = sizeof(bytes);
	char message[MESSAGE_MAX];
	size_t message_len = message_of(head, at, message);
	bool good = context != NULL &&
			EVP_DigestSignInit(context, NULL, NULL, NULL, key->key) == 1 &&
			EVP_DigestSign(context, bytes, &len, (unsigned char *)message,
					message_len) == 1;

	EVP_MD_CTX_free(context);
	if (!good || len != sizeof(bytes))
		return -ENOMEM;
	EVP_EncodeBlock((unsigned char *)signature, bytes, (int)sizeof(bytes));
	return 0;
}

int
audit_key_verify(const struct audit_key *key, const struct trail_place *head, const char *at,
		const char *signature)
{
	unsigned char bytes[AUDIT_SIGNATURE_TEXT];
	char message[MESSAGE_MAX];
	size_t message_len = message_of(head, at, message);
	EVP_MD_CTX *context;
	int good;

	/* 64 bytes are 88 digits, of which the last two stand for nothing. */
	if (strlen(signature) != 88 ||
			EVP_DecodeBlock(bytes, (const unsigned char *)signature, 88) != 66)
		return 0;
	context = EVP_MD_CTX_new();
	good = context != NULL && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key->key) == 1 &&
			EVP_DigestVerify(context, bytes, SIGNATURE_BYTES, (unsigned char *)message,
					message_len) == 1;
	EVP_MD_CTX_free(context);
	return good;
}
