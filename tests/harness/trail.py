# SPDX-License-Identifier: BSD-3-Clause
"""The audit trail verified by what doc/audit.md says alone, without any code of guidewayd's."""

import hashlib
import json
import subprocess
import tempfile
import base64


def verify(lines, before=bytes(32), first=1):
    """Lines of an export; @return number and hash of the last record. AssertionError: broken."""
    digest, seq = before, first - 1
    for line in lines:
        row = json.loads(line)
        digest = hashlib.sha256(digest + row["record"].encode()).digest()
        seq += 1
        assert row["hash"] == digest.hex(), f"record {seq}: hash"
        assert json.loads(row["record"])["seq"] == seq, f"record {seq}: number"
    return seq, digest.hex()


def signed(head, public_key):
    """Did this key sign this head (a line of the log, or the API's object)?"""
    if isinstance(head, str):
        words = head.split("audit head ")[1].split()
        head = dict(zip(("seq", "hash", "at", "signature"), words))
    message = f"guideway audit head\n{head['seq']}\n{head['hash']}\n{head['at']}\n"
    with tempfile.NamedTemporaryFile() as key, tempfile.NamedTemporaryFile() as text, \
            tempfile.NamedTemporaryFile() as signature:
        key.write(public_key.encode())
        text.write(message.encode())
        signature.write(base64.b64decode(head["signature"]))
        for file in (key, text, signature):
            file.flush()
        return subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", key.name,
                               "-rawin", "-in", text.name, "-sigfile", signature.name],
                              capture_output=True, check=False).returncode == 0
