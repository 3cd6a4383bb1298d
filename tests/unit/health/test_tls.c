/* SPDX-License-Identifier: BSD-3-Clause */

/* Whom checks trust, and handshakes with a server of OpenSSL's in a thread of the test. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <ev.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/clock.h"
#include "controlplane/health/checker.h"
#include "controlplane/health/trust.h"

#define PATIENCE_S 30
#define DAY_S 86400

static char directory[] = "/tmp/gwt-tls-XXXXXX";

/* Certificates. */

struct identity {
	EVP_PKEY *key;
	X509 *certificate;
};

/** A certificate that signs itself, for one name, valid for @p days. */
static struct identity
identity_make(const char *name, long days)
{
	struct identity id = { .key = EVP_EC_gen("P-256"), .certificate = X509_new() };
	X509_NAME *subject = X509_get_subject_name(id.certificate);
	X509_EXTENSION *names;
	char text[64];

	snprintf(text, sizeof(text), "DNS:%s", name);
	X509_set_version(id.certificate, X509_VERSION_3);
	X509_gmtime_adj(X509_getm_notBefore(id.certificate), -DAY_S);
	X509_gmtime_adj(X509_getm_notAfter(id.certificate), days * DAY_S + DAY_S / 2);
	X509_set_pubkey(id.certificate, id.key);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0);
	X509_set_issuer_name(id.certificate, subject);
	names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, text);
	X509_add_ext(id.certificate, names, -1);
	X509_EXTENSION_free(names);
	assert_true(X509_sign(id.certificate, id.key, EVP_sha256()) > 0);
	return id;
}

static void
identity_free(struct identity *id)
{
	EVP_PKEY_free(id->key);
	X509_free(id->certificate);
}

static const char *
path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static const char *
write_certificate(const char *name, const struct identity *id)
{
	const char *path = path_of(name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, id->certificate), 1);
	fclose(file);
	return path;
}

static const char *
write_text(const char *name, const char *text)
{
	const char *path = path_of(name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return path;
}

/* Trust. */

static struct trust *
load(const char *path)
{
	int error;
	struct trust *t = trust_load(path, &error);

	assert_non_null(t);
	assert_int_equal(error, 0);
	assert_string_equal(trust_path(t), path);
	assert_non_null(trust_context(t));
	return t;
}

static void
test_the_same_certificates_are_trusted_once(void **state)
{
	struct identity one = identity_make("a.example", 30), two = identity_make("b.example", 30);
	const char *path = write_certificate("ca", &one);
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct trust *first = load(path), *again = load(path), *other;

	(void)state;
	assert_ptr_equal(first, again);
	trust_unref(again);
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	again = load(path); /* Read again, but the same. */
	assert_ptr_equal(first, again);
	assert_int_equal(trust_compare(first, again), 0);
	trust_unref(again);
	write_certificate("ca", &two);
	other = load(path);
	assert_ptr_not_equal(first, other);
	assert_true(trust_compare(first, other) != 0);
	assert_true((trust_compare(first, other) < 0) == (trust_compare(other, first) > 0));
	trust_unref(first);
	trust_unref(other);
	identity_free(&one);
	identity_free(&two);
}

static void
check_refused(const char *path, int wanted)
{
	int error = 0;

	assert_null(trust_load(path, &error));
	assert_int_equal(error, wanted);
	assert_true(strlen(trust_error_text(error)) > 0);
}

static void
test_what_holds_no_certificate_is_refused(void **state)
{
	struct identity id = identity_make("a.example", 30);
	const char *path = path_of("pipe");
	FILE *file;

	(void)state;
	check_refused(path_of("nowhere"), -ENOENT);
	check_refused(directory, -ENOTSUP);
	check_refused(write_text("empty", ""), -EBADMSG);
	check_refused(write_text("text", "authorities\n"), -EBADMSG);
	check_refused(write_text("broken",
				      "-----BEGIN CERTIFICATE-----\nAAAA\n"
				      "-----END CERTIFICATE-----\n"),
			-EBADMSG);
	/* One good certificate does not make a broken one good. */
	file = fopen(write_certificate("half", &id), "a");
	fputs("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", file);
	fclose(file);
	check_refused(path_of("half"), -EBADMSG);
	path = path_of("pipe");
	assert_int_equal(mkfifo(path, 0600), 0);
	check_refused(path, -ENOTSUP);
	path = write_text("large", "");
	assert_int_equal(truncate(path, TRUST_FILE_MAX + 1), 0);
	check_refused(path, -EFBIG);
	identity_free(&id);
}

static void
test_keys_and_comments_in_the_file_do_no_harm(void **state)
{
	struct identity id = identity_make("a.example", 30);
	FILE *file = fopen(write_text("mixed", "# of ours\n"), "a");

	(void)state;
	assert_int_equal(PEM_write_PrivateKey(file, id.key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(PEM_write_X509(file, id.certificate), 1);
	fclose(file);
	trust_unref(load(path_of("mixed")));
	identity_free(&id);
}

static void
test_days_are_whole_and_negative_once_it_has_ended(void **state)
{
	(void)state;
	assert_int_equal(tls_days_left(1000 + 3 * DAY_S, 1000), 3);
	assert_int_equal(tls_days_left(1000 + 3 * DAY_S - 1, 1000), 2);
	assert_int_equal(tls_days_left(1000, 1000), 0);
	assert_int_equal(tls_days_left(999, 1000), -1);
	assert_int_equal(tls_days_left(1000 - DAY_S, 1000), -1);
	assert_int_equal(tls_days_left(999 - DAY_S, 1000), -2);
}

/* Handshakes. */

struct server {
	SSL_CTX *context;
	int listener;
	uint16_t port;
	pthread_t thread;
};

static void *
serve(void *arg)
{
	struct server *server = arg;
	int fd;

	while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
		SSL *ssl = SSL_new(server->context);
		char byte;

		SSL_set_fd(ssl, fd);
		if (SSL_accept(ssl) == 1)
			SSL_read(ssl, &byte, 1); /* Until the check has gone. */
		ERR_clear_error();
		SSL_free(ssl);
		close(fd);
	}
	return NULL;
}

static void
server_start(struct server *server, const struct identity *id)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);

	server->context = SSL_CTX_new(TLS_server_method());
	assert_int_equal(SSL_CTX_use_certificate(server->context, id->certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(server->context, id->key), 1);
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server->listener, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(listen(server->listener, 64), 0);
	assert_int_equal(getsockname(server->listener, (struct sockaddr *)&addr, &len), 0);
	server->port = ntohs(addr.sin_port);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void
server_stop(struct server *server)
{
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->listener);
	SSL_CTX_free(server->context);
}

static struct ev_loop *loop;
static struct checker *checker;

static void
on_changed(void *context)
{
	(void)context;
	ev_break(loop, EVBREAK_ONE);
}

static void
on_tick(struct ev_loop *l, ev_timer *w, int events)
{
	(void)w;
	(void)events;
	ev_break(l, EVBREAK_ONE);
}

static struct check_state
wait_for(uint8_t health)
{
	uint64_t deadline = clock_monotonic_us() + PATIENCE_S * UINT64_C(1000000);
	struct check_state s = { .health = HEALTH_UNKNOWN };
	ev_timer tick;

	while (clock_monotonic_us() < deadline) {
		if (checker_look(checker, 0, &s) && s.health == health)
			return s;
		ev_timer_init(&tick, on_tick, 0.005, 0.);
		ev_timer_start(loop, &tick);
		ev_run(loop, 0);
		ev_timer_stop(loop, &tick);
	}
	fail_msg("health is %s: %s", backend_health_name(s.health), s.why);
	return s;
}

/** Check by @p type whether this trust believes in this name. Takes the reference. */
static void
use(enum check_type type, uint16_t port, struct trust *trust, const char *name)
{
	struct exchange draft;
	struct check_set *set;
	struct check c;

	exchange_init(&draft);
	draft.trust = trust;
	draft.texts[TEXT_SERVER_NAME] = (struct check_text){ name, (uint16_t)strlen(name) };
	check_init(&c, type);
	c.addr = ip_addr_from_bytes(IP_V4, (uint8_t[]){ 127, 0, 0, 1 });
	c.l4_port = port;
	c.interval_ms = 20;
	c.fast_interval_ms = 10;
	c.timeout_ms = 5000;
	c.exchange = exchange_make(&draft);
	assert_non_null(c.exchange);
	set = check_set_make(&c, 1);
	assert_non_null(set);
	checker_set(checker, set);
	check_set_unref(set);
	exchange_unref(c.exchange);
	trust_unref(trust);
}

static void
test_who_is_trusted_is_up_and_nobody_else(void **state)
{
	struct identity id = identity_make("pay.example", 66), other;
	struct check_state s;
	struct server server;

	(void)state;
	server_start(&server, &id);
	use(CHECK_TLS, server.port, load(write_certificate("ca", &id)), "pay.example");
	s = wait_for(HEALTH_UP);
	assert_int_equal(tls_days_left(s.certificate_ends_s, clock_wall_ms() / 1000), 66);
	use(CHECK_TLS, server.port, load(path_of("ca")), "shop.example");
	s = wait_for(HEALTH_DOWN);
	assert_string_equal(s.why, "the certificate is for another name");
	other = identity_make("pay.example", 1);
	use(CHECK_TLS, server.port, load(write_certificate("other", &other)), "pay.example");
	s = wait_for(HEALTH_DOWN);
	assert_string_equal(s.why, "the certificate is self-signed");
	use(CHECK_TLS, server.port, trust_anybody(), "shop.example");
	wait_for(HEALTH_UP);
	use(CHECK_HTTPS, server.port, load(path_of("other")), "pay.example");
	s = wait_for(HEALTH_DOWN);
	assert_string_equal(s.why, "the certificate is self-signed");
	use(CHECK_TLS, server.port, trust_missing("/gone"), "pay.example");
	while (s.nb_trouble == 0)
		s = wait_for(HEALTH_UNKNOWN);
	assert_string_equal(s.why, "the file of authorities (ca-file) cannot be read");
	server_stop(&server);
	identity_free(&id);
	identity_free(&other);
}

static int
setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN); /* The server writes to checks that have gone. */
	loop = ev_loop_new(EVFLAG_AUTO);
	checker = checker_create(loop, "/nonexistent/pinger.sock", on_changed, NULL);
	return loop != NULL && checker != NULL && mkdtemp(directory) != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	static const char *const files[] = { "ca", "other", "empty", "text", "broken", "half",
		"pipe", "large", "mixed" };

	(void)state;
	checker_destroy(checker);
	ev_loop_destroy(loop);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(path_of(files[i]));
	return rmdir(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_same_certificates_are_trusted_once),
		cmocka_unit_test(test_what_holds_no_certificate_is_refused),
		cmocka_unit_test(test_keys_and_comments_in_the_file_do_no_harm),
		cmocka_unit_test(test_days_are_whole_and_negative_once_it_has_ended),
		cmocka_unit_test(test_who_is_trusted_is_up_and_nobody_else),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
