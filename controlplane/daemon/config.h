/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_CONFIG_H
#define DAEMON_CONFIG_H

/**
 * @file
 * The configuration: services and their backends as YAML, `PUT /v1/config` or
 * adding and removing backends made them; what operators override (override.h)
 * is kept apart.
 *
 * A config is immutable once it is indexed, and reference-counted. A change makes
 * a new one (config_with_backend() …). Services and backends keep the order of
 * the document.
 *
 * Thread safety: a config and its count belong to the main thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "service/service.h"

#include "controlplane/daemon/config_health.h"

/** Longest name of a service, with its NUL. */
#define SERVICE_NAME_SIZE 64
/** (service, backend) pairs; the dataplane may take fewer (limits.members). */
#define CONFIG_MAX_MEMBERS (1U << 20)
/** Weight where none is given. */
#define BACKEND_DEFAULT_WEIGHT 100

struct config_backend {
	struct ip_addr addr;
	uint32_t weight;
	uint8_t admin; /**< enum backend_admin. */
};

struct config_service {
	char name[SERVICE_NAME_SIZE]; /**< "": none was given. */
	struct service_conf conf;     /**< 0 where the default holds. */
	struct config_health *health; /**< NULL: backends are not checked. */
	uint32_t nb_backends;
	struct config_backend *backends; /**< In the order of the document. */
	uint32_t *by_addr;		 /**< Indexes of backends, sorted by address. */
};

struct config {
	unsigned int refs;
	uint32_t nb_services;
	uint32_t nb_members;		 /**< Backends of all services. */
	struct config_service *services; /**< In the order of the document. */
	uint32_t *by_key;		 /**< Indexes of services, sorted by key. */
	uint32_t *by_name;		 /**< The same sorted by name, those without first. */
};

/** An empty config of one reference. @return NULL: out of memory. */
struct config *config_create(void);
struct config *config_ref(struct config *config);
void config_unref(struct config *config); /**< Legal with NULL. */

/**
 * Take over @p services (from malloc(), with their backends) and sort the indexes.
 * @return 0; -ENOMEM: the services are freed.
 */
int config_take_services(struct config *config, struct config_service *services, uint32_t nb);
/** Free an array of services that no config has taken. */
void config_services_free(struct config_service *services, uint32_t nb);

const struct config_service *config_find_key(
		const struct config *config, const struct service_key *key);
/** By name, else by id ("tcp/192.0.2.10:443"). @return NULL: none. */
const struct config_service *config_find(const struct config *config, const char *name_or_id);
const struct config_backend *config_find_backend(
		const struct config_service *service, const struct ip_addr *addr);

/** What people call it: the name, else the id. @param buf SERVICE_ID_STRLEN bytes. */
const char *config_service_label(const struct config_service *service, char *buf);

/** The same name, policy, checks and backends, in the same order? */
bool config_service_equal(const struct config_service *a, const struct config_service *b);

/** The same services, backends, order and names? */
bool config_equal(const struct config *a, const struct config *b);

/** A copy with @p backend at the end of @p service (one of @p config's). @return NULL: no memory. */
struct config *config_with_backend(const struct config *config,
		const struct config_service *service, const struct config_backend *backend);
/** A copy without backend @p addr; in @p service, or in every service if it is NULL. */
struct config *config_without_backend(const struct config *config,
		const struct config_service *service, const struct ip_addr *addr);

#endif
