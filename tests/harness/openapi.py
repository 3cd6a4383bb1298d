# SPDX-License-Identifier: BSD-3-Clause
"""doc/openapi.yaml as a judge: is this answer one that it describes?"""

import copy
import functools
import pathlib
import re
from urllib.parse import unquote

import jsonschema
import yaml

PATH = pathlib.Path(__file__).resolve().parents[2] / "doc/openapi.yaml"


def _closed(schema):
    """Members that it does not name are errors: the page must be complete for this version."""
    if isinstance(schema, dict):
        for child in schema.values():
            _closed(child)
        if isinstance(schema.get("properties"), dict) and "type" in schema:
            schema.setdefault("additionalProperties", False)
    elif isinstance(schema, list):
        for child in schema:
            _closed(child)


@functools.cache
def document():
    page = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    closed = copy.deepcopy(page)
    _closed(closed["components"]["schemas"])
    for item in closed["paths"].values():
        _closed(item)
    return closed


def resolve(node):
    while "$ref" in node:
        target = document()
        for key in node["$ref"].removeprefix("#/").split("/"):
            target = target[key]
        node = target
    return node


@functools.cache
def _routes():
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + "$"), item)
            for path, item in document()["paths"].items()]


def operation(method, path):
    """What the page says of a request; None: it has no such path or method."""
    path = path.partition("?")[0]
    for pattern, item in _routes():
        if pattern.match(path):
            return item.get(method.lower())
    return None


@functools.cache
def _validator(reference):
    schema = {"$ref": reference, "components": document()["components"]}
    return jsonschema.Draft202012Validator(schema)


def check(method, path, status, content_type, body):
    """AssertionError: the page does not describe this answer."""
    known = operation(method, unquote(path) if "%" not in path else path)
    if known is None:
        assert status in (403, 404, 405, 400, 429), f"{method} {path}: {status}, but not in the page"
        return
    responses = known["responses"]
    answer = resolve(responses.get(str(status), responses["default"]))
    kinds = answer["content"]
    kind = content_type.partition(";")[0]
    assert kind in kinds, f"{method} {path}: {status} as {kind}, not {list(kinds)}"
    if kind != "application/json":
        return
    schema = kinds[kind]["schema"]
    if "$ref" in schema:
        validator = _validator(schema["$ref"])
    else:
        validator = jsonschema.Draft202012Validator(
            {**schema, "components": document()["components"]})
    error = jsonschema.exceptions.best_match(validator.iter_errors(body))
    assert error is None, f"{method} {path}: {status}: {error.json_path}: {error.message}"
