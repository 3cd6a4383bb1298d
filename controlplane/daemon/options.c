/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/options.h"

#include <getopt.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <syslog.h>

#include "controlplane/daemon/daemon.h"

static const char usage[] =
		"Usage: guidewayd [options]\n"
		"The control plane of Guideway: services, backends, the API.\n"
		"\n"
		"  -c, --config FILE         services and backends (/etc/guideway/guideway.yaml)\n"
		"      --state-dir DIR       database, lock, hash key (/var/lib/guideway)\n"
		"      --channel SOCKET      the dataplane's socket (/run/guideway/channel.sock)\n"
		"      --pinger SOCKET       guideway-pinger's socket (/run/guideway/pinger.sock)\n"
		"      --api SOCKET          the API's socket (/run/guideway/api.sock)\n"
		"      --api-group GROUP     owner of the API's socket; without --access its members are admins\n"
		"      --access FILE         who may do what, TLS (/etc/guideway/access.yaml)\n"
		"      --hash-key-file FILE  the group's hash key (hash.key in the state directory)\n"
		"      --max-change PERCENT  of a service at once without --force (50)\n"
		"      --audit-keep N        records of the audit trail that are kept (1000000; 0: all)\n"
		"      --audit-required YES  no: change things even if they cannot be recorded\n"
		"      --log-level LEVEL     error, warning, notice, info (default) or debug\n"
		"      --check FILE          check a guideway.yaml and exit (0: good, 6: not)\n"
		"      --version\n"
		"  -h, --help\n"
		"\n"
		"SIGHUP applies the file again, SIGTERM stops. See guidewayd(8).\n";

enum {
	OPTION_STATE_DIR = 256,
	OPTION_CHANNEL,
	OPTION_PINGER,
	OPTION_API,
	OPTION_API_GROUP,
	OPTION_ACCESS,
	OPTION_HASH_KEY_FILE,
	OPTION_MAX_CHANGE,
	OPTION_AUDIT_KEEP,
	OPTION_AUDIT_REQUIRED,
	OPTION_LOG_LEVEL,
	OPTION_CHECK,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "state-dir", required_argument, NULL, OPTION_STATE_DIR },
	{ "channel", required_argument, NULL, OPTION_CHANNEL },
	{ "pinger", required_argument, NULL, OPTION_PINGER },
	{ "api", required_argument, NULL, OPTION_API },
	{ "api-group", required_argument, NULL, OPTION_API_GROUP },
	{ "access", required_argument, NULL, OPTION_ACCESS },
	{ "hash-key-file", required_argument, NULL, OPTION_HASH_KEY_FILE },
	{ "max-change", required_argument, NULL, OPTION_MAX_CHANGE },
	{ "audit-keep", required_argument, NULL, OPTION_AUDIT_KEEP },
	{ "audit-required", required_argument, NULL, OPTION_AUDIT_REQUIRED },
	{ "log-level", required_argument, NULL, OPTION_LOG_LEVEL },
	{ "check", required_argument, NULL, OPTION_CHECK },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int
usage_error(const char *what, const char *value)
{
	fprintf(stderr, "guidewayd: %s%s\nTry guidewayd --help.\n", what, value);
	return EXIT_CODE_USAGE;
}

static int
parse_group(const char *name, gid_t *out)
{
	const struct group *group = getgrnam(name);
	char *end;
	unsigned long n;

	if (group != NULL) {
		*out = group->gr_gid;
		return -1;
	}
	n = strtoul(name, &end, 10);
	if (name[0] < '0' || name[0] > '9' || *end != '\0' || n >= UINT32_MAX)
		return usage_error("--api-group: no such group: ", name);
	*out = (gid_t)n;
	return -1;
}

static int
parse_level(const char *name, int *out)
{
	static const struct {
		const char *name;
		int level;
	} levels[] = { { "error", LOG_ERR }, { "warning", LOG_WARNING }, { "notice", LOG_NOTICE },
		{ "info", LOG_INFO }, { "debug", LOG_DEBUG } };

	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		if (strcmp(levels[i].name, name) == 0) {
			*out = levels[i].level;
			return -1;
		}
	}
	return usage_error("--log-level: not error, warning, notice, info or debug: ", name);
}

static int
parse_percent(const char *text, double *out)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	end += *end == '%';
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || n > 100)
		return usage_error("--max-change: not 0..100 percent: ", text);
	*out = (double)n / 100.;
	return -1;
}

static int
parse_count(const char *text, uint64_t *out)
{
	char *end;

	*out = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || *out > INT64_MAX)
		return usage_error("--audit-keep: not a number of records: ", text);
	return -1;
}

static int
parse_yes(const char *text, bool *out)
{
	*out = strcmp(text, "yes") == 0;
	if (*out || strcmp(text, "no") == 0)
		return -1;
	return usage_error("--audit-required: not yes or no: ", text);
}

static int
take_option(int option, const char *value, struct options *out)
{
	switch (option) {
	case 'c':
		out->config = value;
		return -1;
	case OPTION_STATE_DIR:
		out->state_dir = value;
		return -1;
	case OPTION_CHANNEL:
		out->channel = value;
		return -1;
	case OPTION_PINGER:
		if (strlen(value) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
			return usage_error("--pinger: too long for the path of a socket: ", value);
		out->pinger = value;
		return -1;
	case OPTION_API:
		out->api = value;
		return -1;
	case OPTION_API_GROUP:
		return parse_group(value, &out->api_group);
	case OPTION_ACCESS:
		out->access = value;
		out->access_given = true;
		return -1;
	case OPTION_HASH_KEY_FILE:
		out->hash_key_file = value;
		return -1;
	case OPTION_MAX_CHANGE:
		return parse_percent(value, &out->max_change);
	case OPTION_AUDIT_KEEP:
		return parse_count(value, &out->audit_keep);
	case OPTION_AUDIT_REQUIRED:
		return parse_yes(value, &out->audit_required);
	case OPTION_LOG_LEVEL:
		return parse_level(value, &out->log_level);
	case OPTION_CHECK:
		out->check = value;
		return -1;
	case OPTION_VERSION:
		printf("guidewayd %s\n", GUIDEWAY_VERSION);
		return EXIT_CODE_OK;
	case 'h':
		fputs(usage, stdout);
		return EXIT_CODE_OK;
	default: /* getopt_long() has said what is wrong. */
		fputs("Try guidewayd --help.\n", stderr);
		return EXIT_CODE_USAGE;
	}
}

int
options_parse(int argc, char **argv, struct options *out)
{
	int option, ret = -1;

	*out = (struct options){ .config = "/etc/guideway/guideway.yaml",
		.state_dir = "/var/lib/guideway",
		.channel = "/run/guideway/channel.sock",
		.pinger = "/run/guideway/pinger.sock",
		.api = "/run/guideway/api.sock",
		.access = "/etc/guideway/access.yaml",
		.api_group = (gid_t)-1,
		.max_change = 0.5,
		.audit_keep = 1000000,
		.audit_required = true,
		.log_level = LOG_INFO };
	while (ret == -1 && (option = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1)
		ret = take_option(option, optarg, out);
	if (ret == -1 && optind < argc)
		return usage_error("unexpected argument: ", argv[optind]);
	return ret;
}
