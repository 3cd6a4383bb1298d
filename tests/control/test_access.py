# SPDX-License-Identifier: BSD-3-Clause
"""Who may do what: roles by peer credentials and by certificates, TLS, limits."""

import http.client
import json
import re
import pathlib
import signal
import socket
import ssl
import subprocess

import pytest

from conftest import EXAMPLE
from harness.api import ApiError, TlsApi
from harness.certificates import Authority

ROLES = ("viewer", "operator", "admin")
#: uid of the user that has the role, without being root or the daemon's.
USERS = {"viewer": 4001, "operator": 4002, "admin": 4003, None: 4004}
SOURCE = pathlib.Path(__file__).parents[2] / "controlplane/daemon/api.c"
#: Every route as api.c has it: method, path, least role.
ROUTES = [(method, path, role.lower()) for method, path, role in re.findall(
    r'\{ "([A-Z]+)", "([^"]+)", ROLE_(\w+),', SOURCE.read_text(encoding="utf-8"))]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Guarded:
    """A daemon with an access.yaml, on both transports."""

    def __init__(self, control, directory):
        self.control = control
        self.authority = Authority(directory)
        server = self.authority.issue("IP:127.0.0.1")
        self.port = free_port()
        self.path = control.directory / "access.yaml"
        self.tls = {"listen": [f"127.0.0.1:{self.port}"], "certificate": str(server),
                    "key": str(server), "client-ca": str(self.authority.path),
                    "clients": [{"subject": f"CN={role},O=Bank", "role": role} for role in ROLES]}
        self.access = {"unix": [{"user": str(USERS[role]), "role": role} for role in ROLES],
                       "tls": self.tls}
        self.certificates = {
            role: self.authority.issue(subject=f"/O=Bank/CN={role or 'nobody'}", usage="clientAuth")
            for role in (*ROLES, None)}
        control.options = ["--access", str(self.path)]
        self.write()

    def write(self):
        self.path.write_text(json.dumps(self.access), encoding="utf-8")

    def start(self):
        self.control.start(EXAMPLE)
        self.control.directory.chmod(0o755)
        self.control.socket.chmod(0o666)
        return self

    def reload(self):
        self.write()
        self.control.daemon.process.send_signal(signal.SIGHUP)

    def client(self, role):
        return TlsApi(self.port, self.authority.path, self.certificates[role])

    def as_user(self, role, method, path):
        """@return status and the body."""
        out = subprocess.run(
            ["setpriv", f"--reuid={USERS[role]}", "--regid=4000", "--clear-groups", "curl", "-s",
             "-m", "10", "-X", method, "-w", "\n%{http_code}", "--unix-socket",
             str(self.control.socket), "-H", "Content-Type: application/json", "-d", "",
             f"http://x/{path}"], capture_output=True, text=True, check=False).stdout
        body, _, status = out.rpartition("\n")
        return int(status), body


@pytest.fixture
def guarded(control, tmp_path):
    return Guarded(control, tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One daemon for the matrix."""
    from conftest import Control  # pylint: disable=import-outside-toplevel

    control = Control()
    yield Guarded(control, tmp_path_factory.mktemp("access")).start()
    control.stop()


def status_of(call):
    try:
        call()
    except ApiError as e:
        return e.status
    return 200


def code_of(call):
    with pytest.raises(ApiError) as e:
        call()
    return e.value.body["error"]["code"]


def concrete(path):
    """A path that leads nowhere: what is allowed ends with 404 or a complaint."""
    return path.replace("services/{}", "services/none").replace("{}", "203.0.113.250")


def test_the_table_of_routes_was_found():
    assert len(ROUTES) >= 27
    assert {role for _, _, role in ROUTES} == set(ROLES)
    assert all(role == "viewer" for method, _, role in ROUTES if method == "GET")


@pytest.mark.parametrize("role", [None, *ROLES])
@pytest.mark.parametrize("method, path, least", ROUTES)
def test_every_route_by_every_role_on_both_transports(shared, method, path, least, role):
    if path == "v1/events":
        path += "?limit=1"
    allowed = role is not None and ROLES.index(role) >= ROLES.index(least)
    statuses = [shared.as_user(role, method, concrete(path))[0],
                status_of(lambda: shared.client(role).call(method, "/" + concrete(path),
                                                           "" if method != "GET" else None))]
    for status in statuses:
        assert (status != 403) == allowed, (method, path, role, statuses)


def test_whoever_is_not_named_learns_nothing(shared):
    status, body = shared.as_user(None, "GET", "v1/no-such-path")
    assert status == 403 and json.loads(body)["error"]["code"] == "denied"
    assert "uid 4004 has no role" in json.loads(body)["error"]["message"]
    assert code_of(lambda: shared.client(None).get("/v1/status")) == "denied"


def test_without_a_certificate_nobody_has_a_role(shared):
    with pytest.raises(ApiError) as e:
        TlsApi(shared.port, shared.authority.path).get("/v1/status")
    assert e.value.status == 403
    assert "the client has shown no certificate" in e.value.body["error"]["message"]


def test_a_body_of_a_stranger_is_not_read(shared):
    connection = TlsApi(shared.port, shared.authority.path).connect()
    connection.putrequest("PUT", "/v1/config")
    connection.putheader("Content-Length", str(10 << 20))
    connection.endheaders()
    assert connection.getresponse().status == 403
    connection.close()


@pytest.mark.parametrize("kind", ["stranger", "expired", "not-yet", "server"])
def test_certificates_that_do_not_hold(shared, tmp_path, kind):
    subject = "/O=Bank/CN=admin"
    if kind == "stranger":
        path = Authority(tmp_path).issue(subject=subject, usage="clientAuth")
    elif kind == "expired":
        path = shared.authority.issue(subject=subject, usage="clientAuth", begins=-9, ends=-1)
    elif kind == "not-yet":
        path = shared.authority.issue(subject=subject, usage="clientAuth", begins=2)
    else:
        path = shared.authority.issue(subject=subject, usage="serverAuth")
    client = TlsApi(shared.port, shared.authority.path, path)
    assert code_of(lambda: client.get("/v1/status")) == "denied"
    assert code_of(lambda: client.call("DELETE", "/v1/backends/10.0.1.1")) == "denied"


def test_old_versions_of_tls_are_refused(shared):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", shared.port)) as raw:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(raw)


def test_the_subject_is_in_the_trail(guarded):
    guarded.start()
    operator = guarded.client("operator")
    operator.override("pay", "10.0.1.2", state="draining")
    entry = guarded.control.api.get("/v1/audit")["entries"][0]
    assert (entry["action"], entry["user"]) == ("backend.override", "CN=operator,O=Bank")
    override = guarded.control.api.get("/v1/overrides")["overrides"][0]
    assert override["by"] == "CN=operator,O=Bank"


def test_an_operator_may_drain_but_not_apply(guarded):
    guarded.start()
    operator = guarded.client("operator")
    assert operator.override("pay", "10.0.1.2", weight=3)["result"] == "stored"
    assert code_of(lambda: operator.apply_yaml("services: []", allow_empty="true")) == "denied"
    assert guarded.control.api.get("/v1/status")["services"] == 2


def test_revoked_certificates(guarded):
    revoked = guarded.authority.issue(subject="/O=Bank/CN=admin", usage="clientAuth")
    crl = guarded.authority.revoke(str(revoked).replace(".pem", ".crt"))
    guarded.start()
    client = TlsApi(guarded.port, guarded.authority.path, revoked)
    assert client.get("/v1/confirm") == {"confirm": None}
    guarded.tls["client-crl"] = str(crl)
    guarded.reload()
    guarded.control.daemon.wait_until(
        lambda: status_of(lambda: client.get("/v1/confirm")) == 403, "it is refused", 10)
    assert guarded.client("admin").get("/v1/confirm") == {"confirm": None}


def test_roles_are_read_again_at_sighup(guarded):
    guarded.start()
    admin = guarded.client("admin")
    guarded.tls["clients"][2]["role"] = "viewer"
    guarded.reload()
    guarded.control.daemon.wait_until(
        lambda: status_of(lambda: admin.call("DELETE", "/v1/backends/1.2.3.4")) == 403,
        "the role is taken away", 10)
    assert admin.get("/v1/status")["revision"] == 1


def test_the_servers_certificate_is_read_again_at_sighup(guarded):
    guarded.start()

    def serial():
        with guarded.client("viewer").context.wrap_socket(
                socket.create_connection(("127.0.0.1", guarded.port)),
                server_hostname="127.0.0.1") as connection:
            return connection.getpeercert()["serialNumber"]

    before = serial()
    new = guarded.authority.issue("IP:127.0.0.1")
    guarded.tls.update({"certificate": str(new), "key": str(new)})
    guarded.reload()
    guarded.control.daemon.wait_until(lambda: serial() != before, "the new one is shown", 10)


@pytest.mark.parametrize("damage, words", [
    (lambda a: a["unix"].append({"user": "no-such-user-here", "role": "admin"}),
     'unix[3].user: there is no user "no-such-user-here"'),
    (lambda a: a["unix"].append({"user": "0", "group": "0", "role": "admin"}),
     "unix[3]: must have user or group"),
    (lambda a: a["unix"].append({"user": "0", "role": "god"}),
     'unix[3].role: "god" is not viewer, operator or admin'),
    (lambda a: a["tls"].update(listen=["localhost:1"]),
     'tls.listen[0]: "localhost:1" is not an address with a port'),
    (lambda a: a["tls"].update(listen=[]), "tls.listen: is empty"),
    (lambda a: a["tls"].update(key="/nowhere/key.pem"), "/nowhere/key.pem: No such file"),
    (lambda a: a["tls"].update(certificate=a["tls"]["client-ca"]), "is not the key of"),
    (lambda a: a["tls"].update({"client-ca": "/etc/passwd"}), "no certificate of an authority"),
    (lambda a: a.update({"requests-per-second": 0}), "requests-per-second: 0 is not in 1..100000"),
    (lambda a: a.update(unknown=1), "unknown"),
])
def test_a_bad_file_gives_nobody_a_role(guarded, damage, words):
    damage(guarded.access)
    guarded.write()
    guarded.start()
    problems = guarded.control.api.get("/v1/status")["problems"]
    assert any(words in problem for problem in problems), problems
    assert guarded.as_user("admin", "GET", "v1/status")[0] == 403
    with pytest.raises(ConnectionError):
        guarded.client("admin").get("/v1/status")


def test_a_bad_file_at_sighup_leaves_what_was(guarded):
    guarded.start()
    guarded.access["unix"][0]["role"] = "god"
    guarded.reload()
    guarded.control.until(lambda s: any("god" in p for p in s["problems"]), "it is told", 10)
    assert guarded.client("viewer").get("/v1/status")["revision"] == 1
    guarded.access["unix"][0]["role"] = "viewer"
    guarded.reload()
    guarded.control.until(lambda s: not any("god" in p for p in s["problems"]), "it is good", 10)


def test_a_port_that_is_taken_is_told(guarded):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", guarded.port))
        taken.listen()
        guarded.start()
        problems = guarded.control.api.get("/v1/status")["problems"]
        assert f"api: 127.0.0.1:{guarded.port}: Address already in use" in problems


def test_too_many_requests(guarded):
    guarded.access["requests-per-second"] = 5
    guarded.write()
    guarded.control.options = ["--access", str(guarded.path)]
    guarded.start()
    viewer = guarded.client("viewer")
    statuses = [status_of(lambda: viewer.get("/v1/confirm")) for _ in range(12)]
    assert statuses[:4] == [200] * 4 and 429 in statuses
    assert status_of(lambda: guarded.client("admin").get("/v1/confirm")) == 200  # Others may.


def test_connections_of_one_address_are_bounded(guarded):
    guarded.start()
    held = [socket.create_connection(("127.0.0.1", guarded.port)) for _ in range(40)]
    assert guarded.control.api.get("/v1/status")["revision"] == 1  # The Unix socket is apart.
    for connection in held:
        connection.close()
    guarded.control.daemon.wait_until(
        lambda: status_of_or_none(guarded) == 200, "there is room again", 10)


def status_of_or_none(guarded):
    try:
        return status_of(lambda: guarded.client("viewer").get("/v1/confirm"))
    except (ConnectionError, ssl.SSLError, http.client.HTTPException, OSError):
        return None


def test_garbage_instead_of_a_handshake(guarded):
    guarded.start()
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\x00" * 300, b"\x00"):
        with socket.create_connection(("127.0.0.1", guarded.port)) as connection:
            connection.settimeout(10)
            try:
                connection.sendall(garbage)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass
            except OSError:  # It may have closed before we did.
                pass
    assert guarded.client("viewer").get("/v1/status")["revision"] == 1


def test_without_a_file_only_root_and_the_group(control):
    control.options = ["--api-group", "65534"]
    control.start(EXAMPLE)
    control.directory.chmod(0o755)
    assert control.socket.stat().st_gid == 65534
    for how, allowed in ((["--regid=65534", "--clear-groups"], True),
                         (["--regid=12345", "--groups=1,65534"], True),
                         (["--regid=12345", "--clear-groups"], False)):
        control.socket.chmod(0o666)
        out = subprocess.run(["setpriv", "--reuid=4321", *how, "curl", "-s", "-X", "PATCH", "-d",
                              '{"weight":3}', "-H", "Content-Type: application/json",
                              "--unix-socket", str(control.socket),
                              "http://x/v1/services/pay/backends/10.0.1.1"],
                             capture_output=True, check=True).stdout
        assert ("result" in json.loads(out)) == allowed, out


def test_if_match(running):
    revision = running.api.get("/v1/status")["revision"]

    def patch(etag):
        return running.api.call("PATCH", "/v1/backends/10.0.1.1", {"weight": 7},
                                headers={"If-Match": etag})

    with pytest.raises(ApiError) as e:
        patch(f'"{revision + 1}"')
    assert (e.value.status, e.value.body["error"]["code"]) == (412, "stale_revision")
    assert running.api.get("/v1/overrides")["overrides"] == []
    assert patch(f'"{revision}"')["result"] == "stored"
    assert patch("*")["result"] == "unchanged"
