/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The file's own sections; the machinery is in config_yaml.c, ports in config_port.c,
 * checks across values in config_check.c. Defaults are filled in first, so that what
 * the file does not say stays as it is.
 */
#include "dataplane/config.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "dataplane/config_check.h"
#include "dataplane/config_port.h"
#include "dataplane/config_yaml.h"
#include "dataplane/log.h"

#define FILE_MAX (1 << 20)
/* Bytes in front of a packet's data in every mbuf (RTE_PKTMBUF_HEADROOM). */
#define MBUF_HEADROOM 128
#define MAX_CPU 1023

static const struct yaml_word idle_words[] = {
	{ "poll", IDLE_POLL },
	{ "sleep", IDLE_SLEEP },
	{ NULL, 0 },
};

#define CONF_FIELD(key, kind, member, from, to)                                                \
	{                                                                                      \
		key, kind, offsetof(struct dataplane_conf, member), .min = (from), .max = (to) \
	}
#define CONF_TEXT(key, member)                                                          \
	{                                                                               \
		key, YAML_FIELD_TEXT, offsetof(struct dataplane_conf, member),          \
				.size = sizeof(((struct dataplane_conf *)NULL)->member) \
	}

static void
read_worker_element(
		struct yaml_reader *r, const yaml_node_t *node, void *object, unsigned int index)
{
	struct dataplane_conf *conf = object;
	uint32_t cpu;

	if (yaml_read_number(r, node, 0, MAX_CPU, &cpu))
		conf->workers[index] = (uint16_t)cpu;
}

static void
read_workers(struct yaml_reader *r, const yaml_node_t *node, void *object)
{
	struct dataplane_conf *conf = object;

	conf->nb_workers = (uint16_t)yaml_read_sequence(
			r, node, CONFIG_MAX_WORKERS, read_worker_element, conf);
	if (conf->nb_workers == 0)
		yaml_error(r, node, "at least one worker is needed");
}

static const struct yaml_field lcores_fields[] = {
	CONF_FIELD("main", YAML_FIELD_U16, main_lcore, 0, MAX_CPU),
	{ "workers", YAML_FIELD_READ, .read = read_workers },
};

static const struct yaml_field idle_fields[] = {
	{ "mode", YAML_FIELD_WORD, offsetof(struct dataplane_conf, idle), .words = idle_words },
	CONF_FIELD("max_latency", YAML_FIELD_U32, idle_max_us, 1, 100000),
};

static const struct yaml_field memory_fields[] = {
	CONF_FIELD("hugepages", YAML_FIELD_BOOL, hugepages, 0, 0),
	CONF_FIELD("megabytes", YAML_FIELD_U32, memory_mb, 0, 1 << 20),
	CONF_FIELD("flows_ipv4", YAML_FIELD_U32, flows4, 1024, 1 << 28),
	CONF_FIELD("flows_ipv6", YAML_FIELD_U32, flows6, 1024, 1 << 28),
	CONF_FIELD("mbufs", YAML_FIELD_U32, mbufs, 1024, 1 << 24),
	CONF_FIELD("mbuf_size", YAML_FIELD_U16, mbuf_size, 2048 + MBUF_HEADROOM, 16384),
};

static const struct yaml_field limits_fields[] = {
	CONF_FIELD("services", YAML_FIELD_U32, max_services, 1, 16384),
	CONF_FIELD("members", YAML_FIELD_U32, max_members, 1, 1 << 20),
};

static const struct yaml_field channel_fields[] = {
	CONF_TEXT("socket", channel_socket),
	CONF_TEXT("user", control_user),
};

static const struct yaml_field advertise_fields[] = {
	CONF_TEXT("tap", advertise_tap),
	CONF_TEXT("spare_tap", advertise_spare_tap),
};

#define SECTION(name)                                                                         \
	static void read_##name(struct yaml_reader *r, const yaml_node_t *node, void *object) \
	{                                                                                     \
		yaml_read_mapping(r, node, name##_fields, ARRAY_LEN(name##_fields), object);  \
	}
SECTION(lcores)
SECTION(idle)
SECTION(memory)
SECTION(limits)
SECTION(channel)
SECTION(advertise)

static void
read_log_level(struct yaml_reader *r, const yaml_node_t *node, void *object)
{
	struct dataplane_conf *conf = object;

	if (yaml_read_text(r, node, conf->log_level, sizeof(conf->log_level)) &&
			log_level_parse(conf->log_level) < 0)
		yaml_error(r, node, "\"%s\" is none of: error, warning, notice, info, debug",
				conf->log_level);
}

static void
read_name(struct yaml_reader *r, const yaml_node_t *node, void *object)
{
	struct dataplane_conf *conf = object;
	static const char allowed[] =
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	if (yaml_read_text(r, node, conf->file_prefix, sizeof(conf->file_prefix)) &&
			conf->file_prefix[strspn(conf->file_prefix, allowed)] != '\0')
		yaml_error(r, node, "may have letters, digits, \"_\" and \"-\" only");
}

static const struct yaml_field root_fields[] = {
	{ "name", YAML_FIELD_READ, .read = read_name },
	{ "log_level", YAML_FIELD_READ, .read = read_log_level },
	{ "lcores", YAML_FIELD_READ, .read = read_lcores },
	{ "idle", YAML_FIELD_READ, .read = read_idle },
	{ "memory", YAML_FIELD_READ, .read = read_memory },
	{ "limits", YAML_FIELD_READ, .read = read_limits },
	{ "channel", YAML_FIELD_READ, .read = read_channel },
	{ "advertise", YAML_FIELD_READ, .read = read_advertise },
	{ "ports", YAML_FIELD_READ, .read = config_read_ports },
};

static void
conf_set_defaults(struct dataplane_conf *conf)
{
	memset(conf, 0, sizeof(*conf));
	conf->idle = IDLE_SLEEP;
	conf->idle_max_us = 100;
	conf->hugepages = true;
	conf->flows4 = 1000000;
	conf->flows6 = 250000;
	conf->mbuf_size = 2048 + MBUF_HEADROOM;
	conf->max_services = 16384;
	conf->max_members = 131072;
	conf->control_uid = (uid_t)-1;
	snprintf(conf->channel_socket, sizeof(conf->channel_socket), "/run/guideway/channel.sock");
	snprintf(conf->file_prefix, sizeof(conf->file_prefix), "guideway");
	snprintf(conf->log_level, sizeof(conf->log_level), "info");
}

/* The user who may connect: a wrong name in the file is an error, a missing "guideway" is none. */
static void
resolve_user(struct yaml_reader *r, const yaml_node_t *root, struct dataplane_conf *conf)
{
	const bool given = conf->control_user[0] != '\0';
	const struct passwd *user = getpwnam(given ? conf->control_user : "guideway");

	if (user != NULL) {
		conf->control_uid = user->pw_uid;
		snprintf(conf->control_user, sizeof(conf->control_user), "%s", user->pw_name);
	} else if (given) {
		size_t len = yaml_path_push(r, "channel");

		yaml_error_at_key(r, yaml_child(r, root, "channel"), "user",
				"this machine has no user \"%s\" (adduser --system %s)",
				conf->control_user, conf->control_user);
		yaml_path_pop(r, len);
	}
}

static void
document_read(struct yaml_reader *r, struct dataplane_conf *conf)
{
	const yaml_node_t *root = yaml_document_get_root_node(r->document);

	if (root == NULL) {
		yaml_error(r, NULL, "the file is empty");
		return;
	}
	yaml_read_mapping(r, root, root_fields, ARRAY_LEN(root_fields), conf);
	if (root->type != YAML_MAPPING_NODE)
		return;
	if (yaml_child(r, root, "ports") == NULL)
		yaml_error(r, root, "ports is missing");
	if (yaml_child(r, yaml_child(r, root, "lcores"), "workers") == NULL)
		yaml_error(r, root, "lcores.workers is missing");
	config_check_lcores(r, root, conf);
	config_check_advertise(r, root, conf);
	resolve_user(r, root, conf);
}

/* Syntax errors come from libyaml with a place of their own. */
static void
parser_error(const yaml_parser_t *parser, const char *path, struct config_error *error)
{
	if (parser->error == YAML_READER_ERROR)
		snprintf(error->text, sizeof(error->text), "%s: %s (at byte %zu)", path,
				parser->problem, parser->problem_offset);
	else if (parser->error == YAML_MEMORY_ERROR)
		snprintf(error->text, sizeof(error->text), "%s: out of memory", path);
	else
		snprintf(error->text, sizeof(error->text), "%s:%zu:%zu: %s%s%s", path,
				parser->problem_mark.line + 1, parser->problem_mark.column + 1,
				parser->context != NULL ? parser->context : "",
				parser->context != NULL ? ": " : "", parser->problem);
}

static int
parser_load(yaml_parser_t *parser, const char *path, struct dataplane_conf *conf,
		struct config_error *error)
{
	yaml_document_t document, second;
	struct yaml_reader reader;
	bool more;

	if (yaml_parser_load(parser, &document) == 0) {
		parser_error(parser, path, error);
		return -EINVAL;
	}
	yaml_reader_init(&reader, path, &document, error->text, sizeof(error->text));
	document_read(&reader, conf);
	yaml_document_delete(&document);
	if (reader.nb_errors > 0)
		return -EINVAL;

	if (yaml_parser_load(parser, &second) == 0) {
		parser_error(parser, path, error);
		return -EINVAL;
	}
	more = yaml_document_get_root_node(&second) != NULL;
	yaml_document_delete(&second);
	if (more) {
		snprintf(error->text, sizeof(error->text), "%s: more than one YAML document", path);
		return -EINVAL;
	}
	return 0;
}

static int
file_open(const char *path, FILE **file, struct config_error *error)
{
	struct stat st;

	*file = fopen(path, "re");
	if (*file == NULL || fstat(fileno(*file), &st) < 0) {
		int ret = -errno;

		snprintf(error->text, sizeof(error->text), "%s: %s", path, strerror(errno));
		if (*file != NULL)
			fclose(*file);
		return ret;
	}
	if (S_ISDIR(st.st_mode) || st.st_size > FILE_MAX) {
		snprintf(error->text, sizeof(error->text), "%s: %s", path,
				S_ISDIR(st.st_mode) ? "is a directory" : "is larger than 1 MiB");
		fclose(*file);
		return -EINVAL;
	}
	return 0;
}

int
config_load(const char *path, struct dataplane_conf *conf, struct config_error *error)
{
	yaml_parser_t parser;
	FILE *file;
	int ret;

	conf_set_defaults(conf);
	error->text[0] = '\0';
	ret = file_open(path, &file, error);
	if (ret < 0)
		return ret;
	if (yaml_parser_initialize(&parser) == 0) {
		fclose(file);
		snprintf(error->text, sizeof(error->text), "%s: out of memory", path);
		return -ENOMEM;
	}
	yaml_parser_set_input_file(&parser, file);
	ret = parser_load(&parser, path, conf, error);
	yaml_parser_delete(&parser);
	fclose(file);
	return ret;
}
