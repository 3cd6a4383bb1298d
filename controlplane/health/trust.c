/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What is in use is in a list, under a lock. A file is known again by what stat() tells of it
 * without being read, else by the digest of its bytes.
 */
#include "controlplane/health/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/health/tls.h"

/** What update-ca-certificates writes. */
#define SYSTEM_FILE "/etc/ssl/certs/ca-certificates.crt"

struct trust {
	unsigned int refs;
	bool is_system;
	char *path; /* As it was asked for; NULL: the system's, or anybody. */
	struct stat seen;
	uint8_t digest[SHA256_DIGEST_LENGTH];
	X509_STORE *store;
	SSL_CTX *context;
	struct trust *next;
};

/** A file as it was read. */
struct reading {
	struct stat st;
	char *bytes;
	size_t len;
	uint8_t digest[SHA256_DIGEST_LENGTH];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct trust *all; /* That were read from files. */

/* Files. */

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
			a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
			a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
			a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
			a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/** @return the descriptor of a regular file of sensible size; negative: -errno. */
static int
open_file(const char *path, struct stat *st)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, st) != 0)
		error = errno;
	else if (!S_ISREG(st->st_mode))
		error = ENOTSUP;
	else if (st->st_size > TRUST_FILE_MAX)
		error = EFBIG;
	if (error == 0)
		return fd;
	close(fd);
	return -error;
}

/** Read all of it. @return 0; -errno: reading->bytes is NULL. */
static int
read_file(int fd, struct reading *reading)
{
	size_t size = (size_t)reading->st.st_size;
	int error = 0;

	reading->len = 0;
	reading->bytes = malloc(size + 1);
	if (reading->bytes == NULL)
		return -ENOMEM;
	while (error == 0 && reading->len < size) {
		ssize_t n = read(fd, reading->bytes + reading->len, size - reading->len);

		if (n == 0)
			break; /* It was cut meanwhile. */
		if (n > 0)
			reading->len += (size_t)n;
		else if (errno != EINTR)
			error = -errno;
	}
	SHA256((const uint8_t *)reading->bytes, reading->len, reading->digest);
	if (error == 0)
		return 0;
	free(reading->bytes);
	reading->bytes = NULL;
	return error;
}

/* Certificates. */

/** Certificates are not encrypted, and nobody is there to ask. */
static int
no_password(char *buf, int size, int rwflag, void *context)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)context;
	return -1;
}

/** @return 0; -EBADMSG: no certificate, or a broken one; -ENOMEM. */
static int
store_fill(X509_STORE *store, const struct reading *reading)
{
	BIO *bio = BIO_new_mem_buf(reading->bytes, (int)reading->len);
	unsigned int nb = 0;
	X509 *certificate;
	unsigned long error;

	if (bio == NULL)
		return -ENOMEM;
	ERR_clear_error();
	while ((certificate = PEM_read_bio_X509(bio, NULL, no_password, NULL)) != NULL) {
		nb += X509_STORE_add_cert(store, certificate) == 1;
		X509_free(certificate);
	}
	error = ERR_peek_last_error();
	ERR_clear_error();
	BIO_free(bio);
	return nb > 0 && ERR_GET_REASON(error) == PEM_R_NO_START_LINE ? 0 : -EBADMSG;
}

static void
trust_free(struct trust *t)
{
	SSL_CTX_free(t->context);
	X509_STORE_free(t->store);
	free(t->path);
	free(t);
}

/** @param path May be NULL. @return NULL: out of memory. */
static struct trust *
trust_create(const char *path)
{
	struct trust *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->refs = 1;
	t->is_system = path == NULL;
	t->path = path != NULL ? strdup(path) : NULL;
	if (path == NULL || t->path != NULL)
		return t;
	free(t);
	return NULL;
}

/** @return 0; -EBADMSG; -ENOMEM. */
static int
trust_fill(struct trust *t, const struct reading *reading)
{
	int ret;

	t->store = X509_STORE_new();
	t->context = SSL_CTX_new(TLS_client_method());
	if (t->store == NULL || t->context == NULL)
		return -ENOMEM;
	ret = store_fill(t->store, reading);
	if (ret == 0)
		tls_context_init(t->context, t->store);
	return ret;
}

/* What is in use. */

static bool
same_path(const struct trust *t, const char *path)
{
	return path != NULL ? t->path != NULL && strcmp(t->path, path) == 0 : t->is_system;
}

/** @param digest NULL: known by @p st. @return one reference; NULL: none. */
static struct trust *
find(const char *path, const struct stat *st, const uint8_t *digest)
{
	struct trust *t;

	pthread_mutex_lock(&lock);
	for (t = all; t != NULL; t = t->next) {
		if (!same_path(t, path))
			continue;
		if (digest == NULL ? same_file(&t->seen, st)
				   : memcmp(t->digest, digest, sizeof(t->digest)) == 0)
			break;
	}
	if (t != NULL) {
		t->refs++;
		t->seen = *st;
	}
	pthread_mutex_unlock(&lock);
	return t;
}

/** Make one of what was read. @return NULL: see @p error. */
static struct trust *
make(const char *path, const struct reading *reading, int *error)
{
	struct trust *t = trust_create(path);

	*error = t != NULL ? trust_fill(t, reading) : -ENOMEM;
	if (*error != 0) {
		if (t != NULL)
			trust_free(t);
		return NULL;
	}
	t->seen = reading->st;
	memcpy(t->digest, reading->digest, sizeof(t->digest));
	pthread_mutex_lock(&lock);
	t->next = all;
	all = t;
	pthread_mutex_unlock(&lock);
	return t;
}

static const char *
system_file(void)
{
	const char *path = getenv(X509_get_default_cert_file_env());

	return path != NULL ? path : SYSTEM_FILE;
}

struct trust *
trust_load(const char *path, int *error)
{
	struct reading reading = { .bytes = NULL };
	int fd = open_file(path != NULL ? path : system_file(), &reading.st);
	struct trust *t;

	*error = fd < 0 ? fd : 0;
	if (fd < 0)
		return NULL;
	t = find(path, &reading.st, NULL);
	if (t == NULL)
		*error = read_file(fd, &reading);
	close(fd);
	if (t == NULL && *error == 0)
		t = find(path, &reading.st, reading.digest);
	if (t == NULL && *error == 0)
		t = make(path, &reading, error);
	free(reading.bytes);
	return t;
}

struct trust *
trust_missing(const char *path)
{
	return trust_create(path);
}

static struct trust anybody;
static pthread_once_t anybody_once = PTHREAD_ONCE_INIT;

static void
make_anybody(void)
{
	anybody.context = SSL_CTX_new(TLS_client_method());
	if (anybody.context != NULL)
		tls_context_init(anybody.context, NULL);
}

struct trust *
trust_anybody(void)
{
	pthread_once(&anybody_once, make_anybody);
	return &anybody;
}

struct trust *
trust_ref(struct trust *t)
{
	if (t == NULL || t == &anybody)
		return t;
	pthread_mutex_lock(&lock);
	t->refs++;
	pthread_mutex_unlock(&lock);
	return t;
}

void
trust_unref(struct trust *t)
{
	bool last;

	if (t == NULL || t == &anybody)
		return;
	pthread_mutex_lock(&lock);
	last = --t->refs == 0;
	for (struct trust **at = &all; last && *at != NULL; at = &(*at)->next) {
		if (*at == t) {
			*at = t->next;
			break;
		}
	}
	pthread_mutex_unlock(&lock);
	if (last)
		trust_free(t);
}

/* What it is. */

int
trust_compare(const struct trust *a, const struct trust *b)
{
	int order;

	if (a == b)
		return 0;
	if (a == NULL || b == NULL)
		return a == NULL ? -1 : 1;
	order = strcmp(a->path != NULL ? a->path : "", b->path != NULL ? b->path : "");
	if (order == 0)
		order = a->is_system - b->is_system;
	if (order == 0)
		order = (a->context != NULL) - (b->context != NULL);
	return order != 0 ? order : memcmp(a->digest, b->digest, sizeof(a->digest));
}

const char *
trust_path(const struct trust *t)
{
	return t->path;
}

SSL_CTX *
trust_context(const struct trust *t)
{
	return t->context;
}

const char *
trust_error_text(int error)
{
	if (error == -EBADMSG)
		return "holds no certificate in PEM form, or a broken one";
	if (error == -ENOTSUP)
		return "is no regular file";
	if (error == -EFBIG)
		return "is too large for a file of certificates";
	return strerror(-error);
}
