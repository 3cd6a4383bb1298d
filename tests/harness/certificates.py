# SPDX-License-Identifier: BSD-3-Clause
"""Authorities and certificates for tests, by the openssl program."""

import datetime
import itertools
import pathlib
import ssl
import subprocess

CONFIG = """\
[ca]
default_ca = ca
[ca]
database = {directory}/index
new_certs_dir = {directory}
certificate = {authority}.crt
private_key = {authority}.key
serial = {directory}/serial
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
x509_extensions = server
[any]
organizationName = optional
organizationalUnitName = optional
commonName = optional
[server]
basicConstraints = CA:false
"""


def run(*command):
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)


def day(offset):
    """So many days from now, as openssl wants it."""
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=offset)
    return moment.strftime("%Y%m%d%H%M%SZ")


class Authority:
    """Signs certificates; its own is the file `path`."""

    number = itertools.count()

    def __init__(self, directory):
        self.directory = pathlib.Path(directory) / f"authority{next(Authority.number)}"
        self.directory.mkdir()
        base = self.directory / "authority"
        self.path = base.with_suffix(".crt")
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-keyout", f"{base}.key", "-out", self.path, "-days", "3650",
            "-subj", f"/CN=Authority {base.parent.name}")
        (self.directory / "index").touch()
        (self.directory / "serial").write_text("01\n", encoding="ascii")
        self.config = self.directory / "config"
        self.config.write_text(CONFIG.format(directory=self.directory, authority=base),
                               encoding="utf-8")

    def issue(self, *names, begins=-1, ends=365, subject="/CN=server", usage=None):
        """
        A file with a key and a certificate for names ("DNS:x", "IP:y"); days from now.

        usage: extendedKeyUsage, "clientAuth".
        """
        base = self.directory / f"server{next(Authority.number)}"
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", f"{base}.key", "-out", f"{base}.csr", "-subj", subject,
            *(["-addext", "subjectAltName=" + ",".join(names)] if names else []),
            *(["-addext", f"extendedKeyUsage={usage}"] if usage else []))
        run("openssl", "ca", "-batch", "-notext", "-config", self.config, "-in", f"{base}.csr",
            "-out", f"{base}.crt", "-startdate", day(begins), "-enddate", day(ends))
        path = base.with_suffix(".pem")
        path.write_text(pathlib.Path(f"{base}.key").read_text(encoding="ascii") +
                        pathlib.Path(f"{base}.crt").read_text(encoding="ascii"),
                        encoding="ascii")
        return path


    def revoke(self, certificate):
        """Put it on the list of those revoked; the list's file."""
        run("openssl", "ca", "-batch", "-config", self.config, "-revoke", certificate)
        path = self.directory / "authority.crl"
        run("openssl", "ca", "-batch", "-config", self.config, "-gencrl", "-crldays", "30",
            "-out", path)
        return path


def self_signed(directory, name):
    """A file with a key and a certificate that nobody else has signed."""
    base = pathlib.Path(directory) / f"self{next(Authority.number)}"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-nodes", "-keyout", f"{base}.key", "-out", f"{base}.crt", "-days", "30",
        "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}")
    path = base.with_suffix(".pem")
    path.write_text(pathlib.Path(f"{base}.key").read_text(encoding="ascii") +
                    pathlib.Path(f"{base}.crt").read_text(encoding="ascii"), encoding="ascii")
    return path


def server_context(path):
    """For Python's ssl: a server that shows this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
