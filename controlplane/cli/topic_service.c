/* SPDX-License-Identifier: BSD-3-Clause */
#include "topics.h"

static const struct cli_command commands[] = {
	{ "service add", "SERVICE KEY=VALUE...", "add a service to the configuration",
			"Add a service, without backends, to the configuration: `tcp/192.0.2.10:443`, "
			"and what a file would say of it (see doc/guideway.yaml.md), with dots where "
			"that nests; at least its mode. `backend add` gives it backends. The "
			"configuration file is not changed; see `export`.",
			"guideway service add tcp/192.0.2.10:443 mode=direct name=payments\n"
			"guideway service add udp/[2001:db8::10]:53 mode=ipip lifetimes.udp=10s",
			OPTION_DRY_RUN, 0, cmd_service_add },
	{ "service set", "SERVICE KEY=VALUE...", "change what a service is",
			"Change some of what the configuration says of a service; an empty value takes "
			"it out, so that the default holds. Values that are JSON are taken as such. "
			"Address, protocol and port cannot be changed: that would be another service.",
			"guideway service set payments on-down=reset lifetimes.open=30m\n"
			"guideway service set payments lifetimes.open=",
			OPTION_DRY_RUN | OPTION_FORCE, 0, cmd_service_set },
	{ "service remove", "SERVICE", "take a service out of the configuration",
			"Remove a service with its backends and their overrides. While it takes new "
			"flows that needs `--force`.",
			NULL, OPTION_DRY_RUN | OPTION_FORCE, 0, cmd_service_remove },
};

TOPIC(service, "Changing services", NULL);
