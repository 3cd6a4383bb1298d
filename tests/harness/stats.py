# SPDX-License-Identifier: BSD-3-Clause
"""The statistics region, read as lib/channel/stats.h lays it out."""

import ipaddress
import re
import struct

from harness.process import ROOT

STATS_MAGIC = 0x3174617453776447
NB_DROPS = 64
MAIN_FIELDS = ("neighbour_requests_answered", "neighbour_probes_sent", "neighbours_resolved",
               "neighbours_failed", "echo_answered", "punted_to_kernel", "from_kernel")
MEMBER_FIELDS = ("packets", "bytes", "new_flows", "active_flows")
EVIDENCE_FIELDS = ("syn_retransmissions", "resets", "opened", "reserved")
HEADER = struct.Struct("=QQIIIIQQQQQQQ32sQQQ")
GENERATION_OFFSET = 120
PORTS_OFFSET = HEADER.size + 8 * (len(MAIN_FIELDS) + NB_DROPS)
EVIDENCE_OFFSET_OFFSET = PORTS_OFFSET + 32 * 128
LATER_OFFSET = EVIDENCE_OFFSET_OFFSET + 8
LATER_FIELDS = ("resets_sent", "unreachables", "unreachables_lost")
SERVICE = struct.Struct("=IBBHI20sHBB28x")
MEMBER = struct.Struct("=IBBH20sIIBB2xIH2xQ8x")


def x_macro(header, macro, column):
    """The names that an X-macro of a header lists, from one column of its lines."""
    text = (ROOT / "lib" / header).read_text()
    lines = re.findall(rf"^\s*{macro}\((.*?)\)\s*(?:\\|$)", text, re.MULTILINE)
    return [line.split(",")[column].strip().strip('"') for line in lines]


#: Metric names of drop reasons, in order; reason 0 is none.
DROPS = ["none"] + x_macro("base/drop.h", "DROP", 1)
WORKER_FIELDS = x_macro("channel/stats.h", "STAT", 0)


def counters(names, values):
    return {name: value for name, value in zip(names, values)}


class Stats:
    """Reads counters from a mapping of the region."""

    def __init__(self, mapping):
        self.map = mapping
        head = HEADER.unpack_from(mapping, 0)
        assert head[0] == STATS_MAGIC
        (self.nb_workers, self.nb_ports, self.max_services, self.max_members,
         self.services_offset, self.members_offset, self.workers_offset, self.worker_stride,
         self.worker_members_offset) = head[2:11]
        self.worker_evidence_offset = self._words(EVIDENCE_OFFSET_OFFSET, 1)[0]

    def _words(self, offset, count):
        # Native format: each counter is read at once, not byte by byte.
        return struct.unpack_from(f"@{count}Q", self.map, offset)

    @property
    def generation(self):
        return self._words(GENERATION_OFFSET, 1)[0]

    @property
    def main(self):
        """Counters of the main lcore, its drops under "drops"."""
        words = self._words(HEADER.size, len(MAIN_FIELDS) + NB_DROPS)
        return dict(counters(MAIN_FIELDS, words),
                    drops=counters(DROPS, words[len(MAIN_FIELDS):]))

    @property
    def later(self):
        """Counters that came later than version 1 of the protocol."""
        return counters(LATER_FIELDS, self._words(LATER_OFFSET, len(LATER_FIELDS)))

    @property
    def resets_sent(self):
        return self.later["resets_sent"]

    def worker(self, index):
        """Counters of a worker, its drops under "drops"."""
        words = self._words(self.workers_offset + index * self.worker_stride,
                            len(WORKER_FIELDS) + NB_DROPS)
        return dict(counters(WORKER_FIELDS, words),
                    drops=counters(DROPS, words[len(WORKER_FIELDS):]))

    @property
    def workers(self):
        """Sums over the workers."""
        total = {}
        for worker in map(self.worker, range(self.nb_workers)):
            for name in WORKER_FIELDS:
                total[name] = total.get(name, 0) + worker[name]
        return total

    @property
    def drops(self):
        """By reason, workers and main lcore together; only what has occurred."""
        total = {}
        for part in [self.main, *map(self.worker, range(self.nb_workers))]:
            for name, value in part["drops"].items():
                total[name] = total.get(name, 0) + value
        return {name: value for name, value in total.items() if value}

    def service_ids(self, key):
        """Ids under which a service key is known (one, also while it is in quarantine)."""
        found = []
        for number in range(self.max_services):
            _, used, _, _, _, *entry_key = SERVICE.unpack_from(
                self.map, self.services_offset + number * SERVICE.size)
            if used and struct.pack("=20sHBB", *entry_key) == key:
                found.append(number)
        return found

    def members(self):
        """Every member in use: service id, backend address (text), counters over workers.

        What was removed stays in the directory until its quarantine is over.
        """
        found = []
        for index in range(self.max_members):
            (_, used, routed, service_id, addr, weight, factor, admin, health, slots,
             member, unreachables) = MEMBER.unpack_from(self.map, self.members_offset + index * MEMBER.size)
            if not used:
                continue
            found.append(dict(self._member_sums(index), service_id=service_id,
                              address=str(ipaddress.ip_address(addr[:4 if addr[16] == 4 else 16])),
                              routed=routed,
                              weight=weight, factor=factor, admin=admin, health=health,
                              slots=slots, member=member, unreachables=unreachables))
        return found

    def _member_sums(self, index):
        total = {}
        for worker in range(self.nb_workers):
            block = self.workers_offset + worker * self.worker_stride
            for offset, names in ((self.worker_members_offset, MEMBER_FIELDS),
                                  (self.worker_evidence_offset, EVIDENCE_FIELDS)):
                words = self._words(block + offset + index * 8 * len(names), len(names))
                for name, value in zip(names, words):
                    total[name] = total.get(name, 0) + value
        return total
