# SPDX-License-Identifier: BSD-3-Clause
"""guidewayd's REST API (doc/api.md) over its Unix socket."""

import http.client
import json
import socket
import ssl
from urllib.parse import quote


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class ApiError(Exception):
    """An answer that is no success."""

    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body


class Api:
    """Each call is a connection of its own, as of many clients."""

    #: Called with each answer; tests/control sets harness.openapi.check.
    judge = None

    def __init__(self, path, timeout=10):
        self.path = path
        self.timeout = timeout

    def connect(self):
        return _UnixConnection(self.path, self.timeout)

    def call(self, method, path, body=None, content_type="application/json",
             accept=None, headers=None):
        connection = self.connect()
        headers = dict(headers or {})
        if accept is not None:
            headers["Accept"] = accept
        if body is not None:
            headers["Content-Type"] = content_type
            if not isinstance(body, (str, bytes)):
                body = json.dumps(body)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            content_type = answer.headers.get("Content-Type", "")
        finally:
            connection.close()
        try:
            content = json.loads(text)
        except ValueError:
            content = text
        if self.judge is not None:
            self.judge(method, path, answer.status, content_type, content)
        if answer.status >= 300:
            raise ApiError(answer.status, content)
        return content

    def get(self, path):
        return self.call("GET", path)

    def apply_yaml(self, text, **parameters):
        """Most tests change half of everything and mean it: force unless they say otherwise."""
        parameters.setdefault("force", "true")
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        return self.call("PUT", f"/v1/config?{query}", text, "application/yaml")

    def export_yaml(self):
        return self.call("GET", "/v1/config", accept="application/yaml")

    @staticmethod
    def backend_path(service, address):
        return f"/v1/services/{quote(service, safe='')}/backends/{address}"

    def override(self, service, address, **fields):
        return self.call("PATCH", self.backend_path(service, address), fields)

    def add(self, service, **fields):
        return self.call("POST", f"/v1/services/{quote(service, safe='')}/backends", fields)

    def remove(self, service, address):
        return self.call("DELETE", self.backend_path(service, address))


class TlsApi(Api):
    """The same over TLS, with a certificate or without."""

    def __init__(self, port, authority, certificate=None, timeout=10):
        super().__init__(None, timeout)
        self.port = port
        self.context = ssl.create_default_context(cafile=authority)
        if certificate is not None:
            self.context.load_cert_chain(certificate)

    def connect(self):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=self.timeout,
                                           context=self.context)
