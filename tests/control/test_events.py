# SPDX-License-Identifier: BSD-3-Clause
"""GET /v1/events: what has just happened, as a list and as a stream."""

import http.client
import json
import socket
import time

import pytest

from harness.api import ApiError

CHECKED = """\
services:
  - name: pay
    address: 192.0.2.10
    protocol: tcp
    port: 443
    mode: ipip
    health: {{checks: [{{type: tcp, port: {port}, interval: 20ms, fast-interval: 10ms}}]}}
    backends: [{{address: 127.0.1.1}}, {{address: 127.0.1.2}}]
"""


class Stream:
    """A client of server-sent events."""

    def __init__(self, control, query="", last=None):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(str(control.socket))
        header = f"Last-Event-ID: {last}\r\n" if last is not None else ""
        self.socket.sendall(f"GET /v1/events{query} HTTP/1.1\r\nHost: x\r\n{header}"
                            "Accept: text/event-stream\r\n\r\n".encode())
        self.answer = http.client.HTTPResponse(self.socket)
        self.answer.begin()

    def frame(self):
        """The next frame's fields; None at the end of the stream."""
        fields = {}
        while (line := self.answer.readline()) != b"\n":
            if not line:
                return None
            name, _, value = line.decode().rstrip("\n").partition(": ")
            fields[name] = value
        return fields

    def event(self):
        while (fields := self.frame()) is not None:
            if "data" in fields:
                event = json.loads(fields["data"])
                assert fields["event"] == event["kind"]
                assert fields.get("id") == (str(event["id"]) if "id" in event else None)
                return event
        return None

    def wait_for(self, kind):
        while (event := self.event())["kind"] != kind:
            pass
        return event

    def close(self):
        self.answer.close()
        self.socket.close()


def listed(control, query=""):
    return control.api.get(f"/v1/events{query}")["events"]


def drain(control, state="draining"):
    control.api.override("pay", "10.0.1.1", state=state)


def test_a_change_is_an_event(running):
    stream = Stream(running)
    drain(running)
    event = stream.wait_for("change")
    assert event["action"] == "backend.override" and event["result"] == "stored"
    assert event["target"] == "tcp/192.0.2.10:443 10.0.1.1" and event["uid"] == 0
    assert "backend.override" in event["text"]
    assert listed(running)[-1] == event
    stream.close()


def override_and_leave(control, weight):
    """A request after whose answer the daemon ends the connection: it hears nothing further."""
    body = f'{{"weight": {weight}}}'
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(control.socket))
        client.sendall(f"PATCH /v1/backends/10.0.1.1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                       "Content-Type: application/json\r\n"
                       f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
        while client.recv(65536):
            pass


def test_each_event_comes_at_once(running):
    """Not with the next request of somebody else."""
    for turn in range(30):
        stream = Stream(running)
        stream.socket.settimeout(5)
        override_and_leave(running, turn + 1)
        assert stream.wait_for("change")["action"] == "backend.override"
        stream.close()


def test_health_suspicion_and_failing_open_are_events(control):
    with socket.create_server(("127.0.1.1", 0)) as listener:
        control.start(CHECKED.format(port=listener.getsockname()[1]))
        stream = Stream(control, "?limit=1000")
        seen = [stream.wait_for("backend.health") for _ in range(2)]
        assert {(e["backend"], e["health"]) for e in seen} == {
            ("127.0.1.1", "up"), ("127.0.1.2", "down")}
        down = next(e for e in seen if e["health"] == "down")
        assert down["why"] == "connection refused" and down["was"] == "unknown"
        assert down["service"] == "tcp/192.0.2.10:443" and "is down" in down["text"]
    assert stream.wait_for("service.fail_open")["fail_open"] is True
    stream.close()


def test_the_dataplane_comes_and_goes(running):
    stream = Stream(running)
    running.start_dataplane()
    stream.wait_for("dataplane.connected")
    running.dataplane.kill()
    assert stream.wait_for("dataplane.disconnected")["text"].startswith("no dataplane")
    stream.close()


def test_a_stream_goes_on_where_it_was_broken_off(running):
    for i in range(6):
        drain(running, ("draining", "enabled")[i % 2])
    events = listed(running)
    ids = [e["id"] for e in events]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    for stream in (Stream(running, last=ids[2]), Stream(running, f"?since={ids[2]}")):
        assert [stream.event() for _ in ids[3:]] == events[3:]
        stream.close()
    assert listed(running, f"?since={ids[2]}") == events[3:]
    assert listed(running, "?limit=2") == events[-2:]
    assert listed(running, f"?since={ids[-1]}") == []
    stream = Stream(running, "?limit=2")
    assert [stream.event() for _ in range(2)] == events[-2:]
    stream.close()


def test_who_was_away_for_too_long_is_told(running):
    first = listed(running)[0]["id"]
    for i in range(1100):
        drain(running, ("draining", "enabled")[i % 2])
    events = listed(running)
    assert len(events) == 1024
    stream = Stream(running, last=first)
    lost = stream.event()
    assert lost["kind"] == "events.lost" and lost["count"] == events[0]["id"] - first - 1
    assert lost["restarted"] is False
    assert stream.event() == events[0]
    stream.close()
    stream = Stream(running, "?limit=1024")  # All that there is: nothing is lost.
    assert stream.event() == events[0]
    stream.close()


def test_ids_grow_over_a_restart_and_an_old_one_loses_nothing_that_is_there(running):
    drain(running)
    before = listed(running)[-1]["id"]
    running.daemon.kill()
    running.start()
    drain(running, "enabled")
    events = listed(running)
    assert events[0]["id"] > before
    stream = Stream(running, last=before)
    lost = stream.event()  # How many the first daemon still had, nobody knows any more.
    assert lost["kind"] == "events.lost" and lost["count"] == 0 and lost["restarted"] is True
    assert stream.event() == events[0]
    stream.close()


def test_a_reader_that_does_not_read_holds_up_nobody(running):
    lazy = Stream(running)
    for i in range(1500):
        drain(running, ("draining", "enabled")[i % 2])
    assert running.api.get("/v1/status")["version"]
    last = listed(running)[-1]
    while lazy.event() != last:
        pass
    lazy.close()


def test_there_are_only_so_many_streams(running):
    streams = [Stream(running) for _ in range(16)]
    more = Stream(running)
    assert more.answer.status == 503
    assert json.loads(more.answer.read())["error"]["code"] == "busy"
    more.close()
    streams.pop().close()
    end = time.monotonic() + 60
    while True:  # The daemon sees that it has gone when it next writes to it.
        drain(running, "enabled")
        drain(running)
        again = Stream(running)
        if again.answer.status == 200:
            break
        assert time.monotonic() < end
        again.close()
        time.sleep(0.1)
    for stream in [*streams, again]:
        stream.close()


def test_streams_end_with_the_daemon(running):
    streams = [Stream(running) for _ in range(3)]
    assert running.daemon.end() == 0
    for stream in streams:
        stream.wait_for("daemon.stop")
        assert stream.event() is None
        stream.close()


@pytest.mark.parametrize("query", ["?since=x", "?limit=0", "?limit=1025", "?kind=change"])
def test_bad_parameters_are_refused(control, query):
    control.start()
    with pytest.raises(ApiError) as refused:
        listed(control, query)
    assert refused.value.status == 400
    stream = Stream(control, query)
    assert stream.answer.status == 400
    stream.close()
