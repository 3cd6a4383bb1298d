-- SPDX-License-Identifier: BSD-3-Clause
--
-- What scripts/bench/pktgen asks Pktgen-DPDK to do: range mode over a VIP, and trials at a rate.
-- The script loads this file and calls its functions through
-- pktgen's socket (-g), and reads their results from a file, a line each.


local results

local function say(...)
	results:write(string.format(...) .. "\n")
	results:flush()
end

-- Flows are clients: addresses from 198.18.0.1 on, so many of them, with one port each.
function guideway_setup(path, tx, rx, gateway, vip, service_port, clients)
	local last = 0xc6120000 + clients

	results = assert(io.open(path, "a"))
	pktgen.screen("off")
	pktgen.stop(tostring(tx)) -- "all" is no port list to some versions.
	pktgen.clr()
	pktgen.page("main")
	for _, field in ipairs({ "start", "min", "max" }) do
		pktgen.range.dst_mac(tostring(tx), field, gateway)
		pktgen.range.dst_ip(tostring(tx), field, vip)
		pktgen.range.dst_port(tostring(tx), field, service_port)
		pktgen.range.src_port(tostring(tx), field, 1024)
	end
	pktgen.range.dst_mac(tostring(tx), "inc", "0000:0000:0000")
	pktgen.range.dst_ip(tostring(tx), "inc", "0.0.0.0")
	pktgen.range.dst_port(tostring(tx), "inc", 0)
	pktgen.range.src_port(tostring(tx), "inc", 0)
	pktgen.range.src_ip(tostring(tx), "start", "198.18.0.1")
	pktgen.range.src_ip(tostring(tx), "min", "198.18.0.1")
	pktgen.range.src_ip(tostring(tx), "max", string.format("%d.%d.%d.%d", last >> 24,
		last >> 16 & 255, last >> 8 & 255, last & 255))
	pktgen.range.src_ip(tostring(tx), "inc", "0.0.0.1")
	pktgen.range.ip_proto(tostring(tx), "udp")
	pktgen.set_range(tostring(tx), "on")
	pktgen.set(tostring(tx), "count", 0)
	say("ready")
end

-- Send frames of size bytes (FCS included) at rate per cent of the link for ms milliseconds.
function guideway_trial(tx, rx, size, rate, ms)
	for _, field in ipairs({ "start", "min", "max" }) do
		pktgen.range.pkt_size(tostring(tx), field, size)
	end
	pktgen.range.pkt_size(tostring(tx), "inc", 0)
	pktgen.set(tostring(tx), "rate", rate)
	pktgen.clr()
	pktgen.delay(200)
	pktgen.start(tostring(tx))
	pktgen.delay(ms)
	pktgen.stop(tostring(tx))
	pktgen.delay(2200) -- What is under way arrives; the statistics are taken once a second.
	say("trial %d %d", pktgen.portStats(tostring(tx), "port")[tx].opackets,
		pktgen.portStats(tostring(rx), "port")[rx].ipackets)
end

function guideway_quit()
	pktgen.quit()
end
