/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A configuration from anybody, as YAML or JSON: refused with at least one complaint, or
 * taken; what is taken reads back the same after it was written.
 *
 * Input: one byte (bit 0: JSON), then the document.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#include "controlplane/daemon/config_read.h"
#include "controlplane/daemon/config_write.h"
#include "controlplane/daemon/desired.h"
#include "controlplane/daemon/diff.h"

static void
check_read_back(const struct config *config, const char *text, enum document_format format)
{
	struct complaints c;
	struct config *again;

	complaints_init(&c, "again");
	again = config_parse(text, strlen(text), format, &c);
	CHECK(again != NULL);
	CHECK(config_equal(config, again));
	config_unref(again);
}

static void
check_config(const struct config *config)
{
	struct overrides *none = overrides_create(0);
	char *yaml = config_to_yaml(config), *json = config_to_json_text(config);
	struct desired *desired = desired_make(config, none);
	struct diff *diff = diff_make(NULL, desired);
	struct message m;

	check_read_back(config, yaml, FORMAT_YAML);
	check_read_back(config, json, FORMAT_JSON);
	for (uint32_t i = 0; i < diff->nb; i++) {
		change_to_message(&diff->list[i], &m);
		CHECK(message_check(&m, true) == 0);
		if (m.type == MSG_SERVICE_SET)
			CHECK(service_conf_check(&m.SERVICE_SET.conf) == CONF_OK);
		else
			CHECK(backend_conf_check(diff->list[i].service, &m.BACKEND_SET.conf) ==
					CONF_OK);
	}
	diff_free(diff);
	desired_unref(desired);
	overrides_unref(none);
	free(yaml);
	free(json);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct complaints c;
	struct config *config;

	if (size < 1)
		return 0;
	complaints_init(&c, "fuzz");
	config = config_parse((const char *)data + 1, size - 1,
			(data[0] & 1) != 0 ? FORMAT_JSON : FORMAT_YAML, &c);
	CHECK((config != NULL) == !complaints_any(&c));
	for (unsigned int i = 0; i < c.nb; i++) {
		char *line = complaint_line(&c, i);

		CHECK(line != NULL && strlen(line) > 6);
		free(line);
	}
	if (config != NULL)
		check_config(config);
	config_unref(config);
	complaints_clear(&c);
	return 0;
}

size_t
fuzz_seed(size_t index, uint8_t *data)
{
	static const char *const seeds[] = {
		"Yservices:\n- {name: pay, address: 192.0.2.1, protocol: tcp, port: 80, mode: direct, slots: "
		"251, lifetimes: {half-open: 1s, open: 2h, closing: 8h, udp: 90s}, syn-reselect-idle: 3s, "
		"backends: [{address: 10.0.0.1, weight: 7, state: draining}]}\n",
		"Yservices:\n  - address: \"2001:db8::10\"\n    protocol: udp\n    port: 53\n    mode: ipip\n"
		"    backends:\n      - address: 10.0.1.1\n      - address: 'fd00::1'\n",
		"Yservices: []\n",
		"Yservices:\n- address: 192.0.2.1\n  protocol: tcp\n  port: 80\n  mode: ipip\n  health:\n"
		"    checks:\n    - {type: https, path: /x, status: '200,300-302', headers: {A: b}, expect: ok, "
		"server-name: a.b, ca-file: /nonexistent, min-days: 3, keep-alive: true}\n"
		"    - {type: udp, send-hex: '00 ff', expect-hex: 'ff', jitter: 7%}\n"
		"    - {type: agent, port: 9, send: x}\n    - {type: icmp, interval: 50ms, source: 10.0.0.9}\n"
		"    min-healthy: 50%\n    slow-start: 30s\n    advertise-failing: none\n  backends: []\n",
		"Yservices:\n- address: 192.0.2.1\n  protocol: tcp\n  port: 80\n  mode: ipip\n  health:\n"
		"    checks: [{type: tls, ca-file: /etc/ssl/certs/ca-certificates.crt, alpn: h2}]\n"
		"  backends: []\n",
		"K{\"services\":[{\"name\":\"x\",\"address\":\"192.0.2.1\",\"protocol\":\"tcp\",\"port\":80,"
		"\"mode\":\"ipip\",\"backends\":[{\"address\":\"::1\",\"weight\":0}]}]}",
	};

	return fuzz_seed_text(seeds, sizeof(seeds) / sizeof(seeds[0]), index, data);
}
