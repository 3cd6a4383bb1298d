/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Start and stop. Each part is a step with its undoing; a start that fails at step n
 * undoes n - 1 … 0, and so does the end of a run.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_launch.h>

#include "dataplane/control.h"
#include "dataplane/dataplane.h"
#include "dataplane/eal.h"
#include "dataplane/exit_code.h"
#include "dataplane/instance.h"
#include "dataplane/log.h"
#include "dataplane/main_lcore.h"
#include "dataplane/neighbour.h"
#include "dataplane/notify.h"
#include "dataplane/pipeline.h"
#include "dataplane/preflight.h"
#include "dataplane/report.h"
#include "dataplane/shared.h"
#include "dataplane/telemetry.h"
#include "dataplane/worker.h"
#include "dataplane/xdp.h"

#define DEFAULT_CONFIG "/etc/guideway/dataplane.yaml"

/* Of the process: as large as its configuration, and reached by the signal handler. */
static struct dataplane dataplane;

struct options {
	const char *config;
	const struct pipeline *pipeline;
	bool check;
};

static void
on_stop_signal(int number)
{
	(void)number;
	atomic_store_explicit(&dataplane.stop, true, memory_order_relaxed);
}

static void
catch_signals(void)
{
	struct sigaction stop = { .sa_handler = on_stop_signal };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	/* Services come over the channel: there is nothing to read anew. */
	sigaction(SIGHUP, &ignore, NULL);
}

/* Steps of the start. */

static int
start_eal(struct dataplane *dp)
{
	/* Without hugepages all memory is mapped at once, so the size must be known. */
	uint64_t memory_mb = dp->conf.memory_mb;

	if (memory_mb == 0 && !dp->conf.hugepages)
		memory_mb = preflight_memory_mb(dp);
	return eal_start(&dp->conf, memory_mb);
}

static void
stop_eal(struct dataplane *dp)
{
	(void)dp;
	eal_stop();
}

static int
start_exceptions(struct dataplane *dp)
{
	return exceptions_create(&dp->exceptions);
}

static void
stop_exceptions(struct dataplane *dp)
{
	exceptions_destroy(&dp->exceptions);
}

static int
start_neighbours(struct dataplane *dp)
{
	dp->neighbours = neighbours_create(dp);
	return dp->neighbours != NULL ? 0 : -ENOMEM;
}

static void
stop_neighbours(struct dataplane *dp)
{
	neighbours_destroy(dp->neighbours);
	dp->neighbours = NULL;
}

static int
start_control(struct dataplane *dp)
{
	dp->control = control_create(dp);
	return dp->control != NULL ? 0 : -errno;
}

static void
stop_control(struct dataplane *dp)
{
	control_destroy(dp->control);
	dp->control = NULL;
}

static void
stop_workers(struct dataplane *dp)
{
	for (uint16_t i = 0; i < dp->nb_workers; i++) {
		worker_destroy(dp->workers[i]);
		dp->workers[i] = NULL;
	}
}

static int
start_workers(struct dataplane *dp)
{
	for (uint16_t i = 0; i < dp->nb_workers; i++) {
		dp->workers[i] = worker_create(dp, i);
		if (dp->workers[i] == NULL) {
			int ret = -errno;

			stop_workers(dp);
			return ret;
		}
	}
	return 0;
}

static const struct start_step {
	const char *what;
	int (*start)(struct dataplane *dp);
	void (*stop)(struct dataplane *dp);
	enum exit_code code; /* When it fails for no more special reason. */
} steps[] = {
	{ "DPDK's environment", start_eal, stop_eal, EXIT_CODE_INTERNAL },
	{ "ports", ports_open, ports_close, EXIT_CODE_PORT },
	{ "shared memory", shared_create, shared_destroy, EXIT_CODE_MEMORY },
	{ "telemetry", telemetry_start, telemetry_stop, EXIT_CODE_INTERNAL },
	{ "exception rings", start_exceptions, stop_exceptions, EXIT_CODE_MEMORY },
	{ "neighbours", start_neighbours, stop_neighbours, EXIT_CODE_MEMORY },
	{ "control thread", start_control, stop_control, EXIT_CODE_INTERNAL },
	{ "workers", start_workers, stop_workers, EXIT_CODE_MEMORY },
};

static void
steps_stop(struct dataplane *dp, size_t nb)
{
	while (nb-- > 0)
		steps[nb].stop(dp);
}

static enum exit_code
steps_start(struct dataplane *dp)
{
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		int ret = steps[i].start(dp);

		if (ret == 0)
			continue;
		LOG_MAIN(ERR, "start failed: %s: %s", steps[i].what, rte_strerror(-ret));
		steps_stop(dp, i);
		return exit_code_from_errno(ret, steps[i].code);
	}
	return EXIT_CODE_OK;
}

/* Every loop runs from here on, and ends with dp->stop. */
static int
launch(struct dataplane *dp)
{
	for (uint16_t i = 0; i < dp->nb_workers; i++) {
		int ret = rte_eal_remote_launch(worker_run, dp->workers[i], eal_worker_lcore(i));

		if (ret < 0)
			return ret;
	}
	return control_start(dp->control);
}

static enum exit_code
dataplane_run(struct dataplane *dp)
{
	enum exit_code code = steps_start(dp);
	int ret;

	if (code != EXIT_CODE_OK)
		return code;
	report_consequences(dp, preflight_memory_mb(dp));
	ret = launch(dp);
	if (ret == 0) {
		report_ready();
		notify_send("READY=1");
		main_lcore_run(dp);
	} else {
		LOG_MAIN(ERR, "start failed: threads: %s", rte_strerror(-ret));
		code = EXIT_CODE_INTERNAL;
	}
	atomic_store_explicit(&dp->stop, true, memory_order_relaxed);
	notify_send("STOPPING=1");
	rte_eal_mp_wait_lcore();
	steps_stop(dp, ARRAY_LEN(steps));
	LOG_MAIN(INFO, "stopped");
	return code;
}

static enum exit_code
lock_instance(struct instance *instance, const struct dataplane_conf *conf)
{
	int ret = instance_lock(instance, conf);

	if (ret == 0)
		return EXIT_CODE_OK;
	if (ret == -EADDRINUSE)
		LOG_MAIN(ERR,
				"another dataplane runs with the socket %s; stop it, or give this one "
				"a channel.socket of its own",
				conf->channel_socket);
	else
		LOG_MAIN(ERR,
				"channel.socket %s: cannot make its folder or lock: %s; run as root, or "
				"make a folder that this user may write to",
				conf->channel_socket, strerror(-ret));
	return exit_code_from_errno(ret, EXIT_CODE_CONFIG);
}

static enum exit_code
load_config(struct dataplane *dp, const char *path)
{
	struct config_error error;
	char *line, *rest = error.text;

	if (config_load(path, &dp->conf, &error) == 0) {
		dp->nb_workers = dp->conf.nb_workers;
		log_set_level(dp->conf.log_level);
		return EXIT_CODE_OK;
	}
	while ((line = strsep(&rest, "\n")) != NULL)
		LOG_MAIN(ERR, "%s", line);
	return EXIT_CODE_CONFIG;
}

static enum exit_code
run(const struct options *options)
{
	struct dataplane *dp = &dataplane;
	struct instance instance = { .fd = -1 };
	enum exit_code code = load_config(dp, options->config);

	if (code != EXIT_CODE_OK)
		return code;
	code = lock_instance(&instance, &dp->conf);
	if (code == EXIT_CODE_OK || options->check) {
		enum exit_code preflight = preflight_check(dp);

		code = code != EXIT_CODE_OK ? code : preflight;
	}
	dp->pipeline = options->pipeline != NULL ? options->pipeline : pipeline_choose();
	if (code == EXIT_CODE_OK && options->check) {
		printf("%s: fine; %llu MiB of memory will be used\n", options->config,
				(unsigned long long)preflight_memory_mb(dp));
	} else if (code == EXIT_CODE_OK) {
		report_machine(dp);
		code = dataplane_run(dp);
	}
	instance_unlock(&instance);
	return code;
}

static void
print_help(FILE *out)
{
	fputs("usage: guideway-dataplane [-c FILE] [--check] [--pipeline NAME]\n"
	      "\n"
	      "  -c, --config FILE  start-up file (default " DEFAULT_CONFIG ")\n"
	      "      --check        check the file and this machine, start nothing\n"
	      "      --pipeline NAME  avx2 or portable; default: the best that the CPU has\n"
	      "  -V, --version      print the version\n"
	      "  -h, --help         print this\n"
	      "\n"
	      "Ends with 0 when stopped by SIGTERM or SIGINT; 2 usage, 6 configuration,\n"
	      "10 memory, 11 CPUs, 12 ports, 13 permission, 14 already running, 15 internal.\n"
	      "See guideway-dataplane(8).\n",
			out);
}

/* @return NULL: said on stderr what is wrong. */
static const struct pipeline *
parse_pipeline(const char *name)
{
	for (const struct pipeline *const *p = pipelines; *p != NULL; p++) {
		if (strcmp((*p)->name, name) != 0)
			continue;
		if (pipeline_runs_here(*p))
			return *p;
		fprintf(stderr, "guideway-dataplane: --pipeline: this CPU has no %s\n", name);
		return NULL;
	}
	fprintf(stderr, "guideway-dataplane: --pipeline: '%s' is none of", name);
	for (const struct pipeline *const *p = pipelines; *p != NULL; p++)
		fprintf(stderr, " %s", (*p)->name);
	fputc('\n', stderr);
	return NULL;
}

/* @return -1: go on; else the exit code. */
static int
parse_options(int argc, char **argv, struct options *options)
{
	enum {
		OPTION_CHECK = 256,
		OPTION_PIPELINE
	};
	static const struct option long_options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, OPTION_CHECK },
		{ "pipeline", required_argument, NULL, OPTION_PIPELINE },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:Vh", long_options, NULL)) != -1) {
		switch (c) {
		case 'c':
			options->config = optarg;
			break;
		case OPTION_CHECK:
			options->check = true;
			break;
		case OPTION_PIPELINE:
			options->pipeline = parse_pipeline(optarg);
			if (options->pipeline == NULL)
				return EXIT_CODE_USAGE;
			break;
		case 'V':
			printf("guideway-dataplane %s\n", GUIDEWAY_VERSION);
			return EXIT_CODE_OK;
		case 'h':
			print_help(stdout);
			return EXIT_CODE_OK;
		default:
			print_help(stderr);
			return EXIT_CODE_USAGE;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "guideway-dataplane: unexpected argument \"%s\"\n", argv[optind]);
	print_help(stderr);
	return EXIT_CODE_USAGE;
}

int
main(int argc, char **argv)
{
	struct options options = { .config = DEFAULT_CONFIG };
	int code = parse_options(argc, argv, &options);

	if (code >= 0)
		return code;
	if (log_start() < 0)
		return EXIT_CODE_INTERNAL;
	xdp_capture_log();
	catch_signals();
	return (int)run(&options);
}
