/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Traffic over a real port: UDP packets to a VIP from many flows, through a virtio-user
 * port to whatever has the vhost side of the socket, and what comes back. testpmd's flowgen
 * varies the destination of its flows, so that a VIP sees one flow of it.
 *
 * One loop on one core: receive what is there, then send what is due. Each packet carries a
 * number and the time at which it was made; a burst that does not fit into the ring is tried
 * again, so that everything counted as sent was in the ring, and what does not come back was
 * lost behind it. The loop's own longest absence is reported: latencies beyond it are the
 * other side's, up to it they may be ours.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "base/bytes.h"
#include "bench.h"
#include "latency.h"

#define BURST 32
#define POOL_CACHE 256
/* Bursts received in a row before sending goes on. */
#define MAX_RX_BURSTS 8
#define MEMORY_MB 128
/* How long after the end packets may still come back. */
#define DRAIN_MS 200
#define WIRE_MAGIC 0x6757
#define CLIENT_NET UINT32_C(0xc6120000) /* 198.18.0.0/15 */
#define CLIENT_MASK UINT32_C(0x1ffff)
#define CLIENT_PORT 1024

struct wire_payload {
	uint16_t magic;
	uint64_t number;
	uint64_t tsc;
} __attribute__((packed));

struct wire_frame {
	struct rte_ether_hdr ether;
	struct rte_ipv4_hdr ip;
	struct rte_udp_hdr udp;
	struct wire_payload payload;
} __attribute__((packed, aligned(2)));
_Static_assert(sizeof(struct wire_frame) == 60, "64 bytes with FCS");

struct wire_conf {
	const char *path;
	uint32_t vip; /* Host byte order, as all here. */
	uint32_t udp_port;
	uint32_t nb_flows;
	uint32_t rate; /* Packets a second; 0: as many as go. */
	uint32_t seconds;
	uint32_t descriptors;
	uint32_t cpu;
	struct rte_ether_addr own_mac;
	struct rte_ether_addr peer_mac;
};

/* What is counted from one SIGUSR1 to the next. */
struct wire_phase {
	uint32_t index;
	uint64_t begin_tsc;
	uint64_t sent;
	uint64_t received;
	uint64_t foreign;
	uint64_t missing; /* Numbers passed over. */
	uint64_t reordered;
	uint64_t longest_absence;
	uint64_t longest_silence; /* Between two receptions. */
	struct latency latency;
};

struct wire {
	struct wire_conf conf;
	struct wire_frame template;
	struct rte_mempool *pool;
	uint16_t port;
	uint16_t nb_ready; /* Frames made and not sent yet. */
	struct rte_mbuf *ready[BURST];
	uint64_t number;
	uint64_t expected; /* The next number to come back. */
	uint32_t flow;
	uint32_t stride;
	uint64_t sent;
	uint64_t received;
	uint64_t last_received_tsc;
	struct wire_phase phase;
};

static volatile sig_atomic_t stopping;
static volatile sig_atomic_t nb_marks;

static void
on_stop(int sig)
{
	(void)sig;
	stopping = 1;
}

static void
on_mark(int sig)
{
	(void)sig;
	nb_marks++;
}

static double
microseconds(uint64_t cycles)
{
	return (double)cycles * 1e6 / (double)rte_get_tsc_hz();
}

static void
phase_print(const struct wire *w, uint64_t now)
{
	const struct wire_phase *p = &w->phase;
	double seconds = (double)(now - p->begin_tsc) / (double)rte_get_tsc_hz();

	printf("{\"phase\":%u,\"seconds\":%.3f,\"sent\":%" PRIu64 ",\"received\":%" PRIu64
	       ",\"foreign\":%" PRIu64 ",\"missing\":%" PRIu64 ",\"reordered\":%" PRIu64
	       ",\"mpps_sent\":%.4f,\"mpps_received\":%.4f,\"latency_us\":{\"p50\":%.1f,"
	       "\"p99\":%.1f,\"p99.9\":%.1f,\"max\":%.1f},\"longest_silence_us\":%.1f,"
	       "\"longest_absence_us\":%.1f}\n",
			p->index, seconds, p->sent, p->received, p->foreign, p->missing,
			p->reordered, (double)p->sent / seconds / 1e6,
			(double)p->received / seconds / 1e6,
			microseconds(latency_quantile(&p->latency, 0.5)),
			microseconds(latency_quantile(&p->latency, 0.99)),
			microseconds(latency_quantile(&p->latency, 0.999)),
			microseconds(p->latency.max), microseconds(p->longest_silence),
			microseconds(p->longest_absence));
	fflush(stdout);
}

static void
phase_begin(struct wire *w, uint32_t index)
{
	memset(&w->phase, 0, sizeof(w->phase));
	w->phase.index = index;
	w->phase.begin_tsc = rte_rdtsc();
}

static void
receive_one(struct wire *w, struct rte_mbuf *m, uint64_t now)
{
	const struct wire_frame *frame = rte_pktmbuf_mtod(m, const struct wire_frame *);

	if (m->data_len < sizeof(*frame) || frame->payload.magic != WIRE_MAGIC) {
		w->phase.foreign++;
		return;
	}
	w->phase.received++;
	if (likely(frame->payload.number >= w->expected)) {
		w->phase.missing += frame->payload.number - w->expected;
		w->expected = frame->payload.number + 1;
	} else {
		w->phase.reordered++;
	}
	latency_record(&w->phase.latency, now - frame->payload.tsc);
}

static uint16_t
receive(struct wire *w)
{
	struct rte_mbuf *frames[BURST];
	uint16_t nb = rte_eth_rx_burst(w->port, 0, frames, BURST);
	uint64_t before = w->phase.received;
	uint64_t now;

	if (nb == 0)
		return 0;
	now = rte_rdtsc();
	for (uint16_t i = 0; i < nb; i++)
		receive_one(w, frames[i], now);
	rte_pktmbuf_free_bulk(frames, nb);
	w->received += w->phase.received - before;
	if (w->last_received_tsc != 0 && now - w->last_received_tsc > w->phase.longest_silence)
		w->phase.longest_silence = now - w->last_received_tsc;
	w->last_received_tsc = now;
	return nb;
}

/* One's complement sum of the header is that of the template plus the client's address. */
static void
frame_write(struct wire *w, struct rte_mbuf *m, uint64_t now)
{
	struct wire_frame *frame = rte_pktmbuf_mtod(m, struct wire_frame *);
	uint32_t client = CLIENT_NET | (w->flow & CLIENT_MASK);
	uint32_t sum = (uint32_t)(uint16_t)~rte_be_to_cpu_16(w->template.ip.hdr_checksum);

	memcpy(frame, &w->template, sizeof(*frame));
	sum += (client >> 16) + (client & 0xffff);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	frame->ip.hdr_checksum = rte_cpu_to_be_16((uint16_t)~sum);
	frame->ip.src_addr = rte_cpu_to_be_32(client);
	frame->udp.src_port = rte_cpu_to_be_16((uint16_t)(CLIENT_PORT + (w->flow >> 17)));
	frame->payload.number = w->number++;
	frame->payload.tsc = now;
	m->data_len = sizeof(*frame);
	m->pkt_len = sizeof(*frame);
	w->flow += w->stride;
	if (w->flow >= w->conf.nb_flows)
		w->flow -= w->conf.nb_flows;
}

/* @return frames that went into the ring. */
static uint16_t
send_burst(struct wire *w, uint16_t wanted)
{
	uint16_t sent;

	if (w->nb_ready == 0) {
		uint64_t now = rte_rdtsc();

		if (rte_pktmbuf_alloc_bulk(w->pool, w->ready, wanted) != 0)
			return 0;
		for (uint16_t i = 0; i < wanted; i++)
			frame_write(w, w->ready[i], now);
		w->nb_ready = wanted;
	}
	sent = rte_eth_tx_burst(w->port, 0, w->ready, w->nb_ready);
	w->nb_ready -= sent;
	if (w->nb_ready != 0 && sent != 0)
		memmove(w->ready, w->ready + sent, w->nb_ready * sizeof(w->ready[0]));
	w->phase.sent += sent;
	w->sent += sent;
	return sent;
}

/*
 * At a rate, a packet is due every so many cycles. What became due while we were away for
 * longer than the ring lasts is not made up for: it would be a flood that nobody asked for.
 */
static void
run(struct wire *w)
{
	const uint64_t hz = rte_get_tsc_hz();
	const double per_packet = w->conf.rate != 0 ? (double)hz / w->conf.rate : 0;
	const uint64_t most_behind = (uint64_t)(per_packet * BURST);
	uint64_t end = rte_rdtsc() + (uint64_t)w->conf.seconds * hz;
	uint64_t last = rte_rdtsc();
	double due = (double)last;
	int marks = nb_marks;

	while (!stopping && (w->conf.seconds == 0 || last < end)) {
		uint64_t now = rte_rdtsc();
		unsigned int bursts = 0;

		if (now - last > w->phase.longest_absence)
			w->phase.longest_absence = now - last;
		last = now;
		while (receive(w) == BURST && ++bursts < MAX_RX_BURSTS)
			;
		if (w->conf.rate == 0) {
			send_burst(w, BURST);
		} else if (w->nb_ready != 0 || (double)now >= due) {
			if ((double)now > due + (double)most_behind)
				due = (double)(now - most_behind);
			uint16_t wanted = (uint16_t)(((double)now - due) / per_packet) + 1;

			due += per_packet * send_burst(w, RTE_MIN(wanted, (uint16_t)BURST));
		}
		if (marks != nb_marks) {
			phase_print(w, now);
			marks = nb_marks;
			phase_begin(w, (uint32_t)marks);
		}
	}
}

static void
drain(struct wire *w)
{
	uint64_t end = rte_rdtsc() + rte_get_tsc_hz() * DRAIN_MS / 1000;

	rte_pktmbuf_free_bulk(w->ready, w->nb_ready);
	w->nb_ready = 0;
	while (rte_rdtsc() < end && w->received < w->sent)
		receive(w);
}

static void
template_make(struct wire *w)
{
	struct wire_frame *f = &w->template;

	f->ether.dst_addr = w->conf.peer_mac;
	f->ether.src_addr = w->conf.own_mac;
	f->ether.ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	f->ip.version_ihl = RTE_IPV4_VHL_DEF;
	f->ip.total_length = rte_cpu_to_be_16(sizeof(*f) - sizeof(f->ether));
	f->ip.time_to_live = 64;
	f->ip.next_proto_id = IPPROTO_UDP;
	f->ip.dst_addr = rte_cpu_to_be_32(w->conf.vip);
	f->ip.hdr_checksum = rte_ipv4_cksum(&f->ip); /* The client's address is 0 still. */
	f->udp.dst_port = rte_cpu_to_be_16((uint16_t)w->conf.udp_port);
	f->udp.dgram_len = rte_cpu_to_be_16(sizeof(f->udp) + sizeof(f->payload));
	f->payload.magic = WIRE_MAGIC;
}

static uint32_t
common_divisor(uint32_t a, uint32_t b)
{
	while (b != 0) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Each flow once a round, neighbours in time far apart in number. */
static uint32_t
choose_stride(uint32_t nb_flows)
{
	uint32_t stride = (uint32_t)((double)nb_flows * 0.6180339887) + 1;

	while (common_divisor(stride, nb_flows) != 1)
		stride++;
	return nb_flows == 1 ? 0 : stride % nb_flows;
}

static int
start_port(struct wire *w)
{
	const struct rte_eth_conf conf = { 0 };
	const uint16_t nb_desc = (uint16_t)w->conf.descriptors;
	const uint32_t nb_mbufs = 2 * w->conf.descriptors + 2 * POOL_CACHE + 4 * BURST;

	w->pool = rte_pktmbuf_pool_create(
			"wire", nb_mbufs, POOL_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	if (w->pool == NULL || rte_eth_dev_count_avail() != 1)
		return -1;
	w->port = (uint16_t)rte_eth_find_next(0);
	if (rte_eth_dev_configure(w->port, 1, 1, &conf) < 0 ||
			rte_eth_rx_queue_setup(w->port, 0, nb_desc, 0, NULL, w->pool) < 0 ||
			rte_eth_tx_queue_setup(w->port, 0, nb_desc, 0, NULL) < 0)
		return -1;
	return rte_eth_dev_start(w->port);
}

static int
start_eal(const struct wire_conf *conf)
{
	char cpu[16], memory[16], prefix[32], device[256], mac[RTE_ETHER_ADDR_FMT_SIZE];
	char *args[] = { (char *)(uintptr_t) "guideway-bench", cpu, (char *)(uintptr_t) "--no-pci",
		(char *)(uintptr_t) "--no-telemetry", (char *)(uintptr_t) "--log-level=*:error",
		(char *)(uintptr_t) "--in-memory", (char *)(uintptr_t) "--single-file-segments",
		prefix, memory, device };

	rte_ether_format_addr(mac, sizeof(mac), &conf->own_mac);
	snprintf(cpu, sizeof(cpu), "--lcores=0@%u", conf->cpu);
	snprintf(memory, sizeof(memory), "-m%u", MEMORY_MB);
	snprintf(prefix, sizeof(prefix), "--file-prefix=wire%d", (int)getpid());
	snprintf(device, sizeof(device),
			"--vdev=net_virtio_user0,path=%s,queues=1,queue_size=%u,mac=%s", conf->path,
			conf->descriptors, mac);
	return rte_eal_init((int)RTE_DIM(args), args);
}

static const char help[] =
		"usage: guideway-bench wire --path SOCKET --vip ADDRESS [OPTION]...\n\n"
		"Sends UDP packets of 64 bytes to a VIP over a virtio-user port, takes back what the\n"
		"vhost side of SOCKET returns; prints JSON. SIGUSR1 begins a new phase.\n\n"
		"  --path SOCKET      of the vhost side, which must run already\n"
		"  --vip ADDRESS      IPv4\n"
		"  --port N           UDP port of the service (9)\n"
		"  --flows N          1..16777216 (65536)\n"
		"  --rate N           packets a second; 0 (default): as many as go\n"
		"  --seconds N        0: until SIGINT or SIGTERM (10)\n"
		"  --descriptors N    of each queue, a power of two (256)\n"
		"  --cpu N            to run on (0)\n"
		"  --mac MAC          of this port (02:00:00:00:00:05)\n"
		"  --peer MAC         of the vhost side (02:00:00:00:00:01)\n";

/* @return false: said what is wrong. */
static bool
parse_option(struct wire_conf *conf, int option, const char *text)
{
	struct in_addr vip;

	switch (option) {
	case 'p':
		conf->path = text;
		return true;
	case 'v':
		if (inet_pton(AF_INET, text, &vip) == 1) {
			conf->vip = rte_be_to_cpu_32(vip.s_addr);
			return true;
		}
		break;
	case 'u':
		return bench_parse_number("port", text, 1, 65535, &conf->udp_port);
	case 'f':
		return bench_parse_number("flows", text, 1, 1 << 24, &conf->nb_flows);
	case 'r':
		return bench_parse_number("rate", text, 0, 100000000, &conf->rate);
	case 's':
		return bench_parse_number("seconds", text, 0, 86400, &conf->seconds);
	case 'd':
		return bench_parse_number("descriptors", text, 64, 32768, &conf->descriptors);
	case 'c':
		return bench_parse_number("cpu", text, 0, 1023, &conf->cpu);
	case 'm':
		if (rte_ether_unformat_addr(text, &conf->own_mac) == 0)
			return true;
		break;
	case 'o':
		if (rte_ether_unformat_addr(text, &conf->peer_mac) == 0)
			return true;
		break;
	default:
		fputs(help, stderr);
		return false;
	}
	fprintf(stderr, "guideway-bench: '%s' is no address\n", text);
	return false;
}

/* @return −1: go on; else the exit code. */
static int
parse_options(struct wire_conf *conf, int argc, char **argv)
{
	static const struct option options[] = { { "path", required_argument, NULL, 'p' },
		{ "vip", required_argument, NULL, 'v' }, { "port", required_argument, NULL, 'u' },
		{ "flows", required_argument, NULL, 'f' }, { "rate", required_argument, NULL, 'r' },
		{ "seconds", required_argument, NULL, 's' },
		{ "descriptors", required_argument, NULL, 'd' },
		{ "cpu", required_argument, NULL, 'c' }, { "mac", required_argument, NULL, 'm' },
		{ "peer", required_argument, NULL, 'o' }, { "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 } };
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return BENCH_EXIT_OK;
		}
		if (!parse_option(conf, option, optarg))
			return BENCH_EXIT_USAGE;
	}
	if (optind == argc && conf->path != NULL && conf->vip != 0)
		return -1;
	fputs(help, stderr);
	return BENCH_EXIT_USAGE;
}

int
bench_wire(int argc, char **argv)
{
	static struct wire w = { .conf = { .udp_port = 9,
						 .nb_flows = 65536,
						 .seconds = 10,
						 .descriptors = 256,
						 .own_mac.addr_bytes = { 2, 0, 0, 0, 0, 5 },
						 .peer_mac.addr_bytes = { 2, 0, 0, 0, 0, 1 } } };
	const struct sigaction stop = { .sa_handler = on_stop };
	const struct sigaction mark = { .sa_handler = on_mark };
	int code = parse_options(&w.conf, argc, argv);

	if (code >= 0)
		return code;
	if (start_eal(&w.conf) < 0 || start_port(&w) < 0) {
		fprintf(stderr,
				"guideway-bench: no port at %s: %s (does the vhost side run? are "
				"%u MB of hugepages free?)\n",
				w.conf.path, rte_strerror(rte_errno), MEMORY_MB);
		return BENCH_EXIT_FAILED;
	}
	template_make(&w);
	w.stride = choose_stride(w.conf.nb_flows);
	phase_begin(&w, 0);
	/* Whoever sees that SIGUSR1 is caught knows that packets flow. */
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGUSR1, &mark, NULL);
	run(&w);
	phase_print(&w, rte_rdtsc());
	drain(&w);
	printf("{\"total\":true,\"sent\":%" PRIu64 ",\"received\":%" PRIu64 ",\"lost\":%" PRId64
	       "}\n",
			w.sent, w.received, (int64_t)(w.sent - w.received));
	rte_eth_dev_stop(w.port);
	rte_eal_cleanup();
	return BENCH_EXIT_OK;
}
