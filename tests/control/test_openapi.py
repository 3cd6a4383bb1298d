# SPDX-License-Identifier: BSD-3-Clause
"""
doc/openapi.yaml against the daemon. That answers are as it says, every test here checks
(harness/openapi.py is asked for each); this file compares what there is.
"""

import re
import pathlib

import jsonschema
import pytest
import yaml

from conftest import EXAMPLE
from harness import openapi

SOURCE = pathlib.Path(__file__).parents[2] / "controlplane/daemon/api.c"


def routes():
    """(method, path with {} for a variable, role, parameters) of api.c."""
    text = SOURCE.read_text(encoding="utf-8").replace("CHANGE_PARAMS", '"dry_run expect_revision"')
    table = text[text.index("static const struct route routes[]"):text.index("};\n\n/** Does")]
    found = re.findall(r'\{ "(\w+)", "([^"]+)", ROLE_(\w+), (?:true|false),\s*'
                       r'((?:"[^"]*"\s*)+),\s*\w+ \}', table)
    return [(method, path, role.lower(), set(" ".join(re.findall(r'"([^"]*)"', words)).split()))
            for method, path, role, words in found]


def described():
    """The same of the page."""
    for path, item in openapi.document()["paths"].items():
        for method in set(item) - {"parameters"}:
            parameters = [openapi.resolve(p) for p in item[method].get("parameters", [])]
            yield (method.upper(), re.sub(r"\{\w+\}", "{}", path).lstrip("/"),
                   item[method]["x-role"], {p["name"] for p in parameters if p["in"] == "query"})


def test_the_page_has_every_route_with_role_and_parameters():
    ours = {(m, p): (role, frozenset(params)) for m, p, role, params in routes()}
    page = {(m, p): (role, frozenset(params)) for m, p, role, params in described()}
    assert len(ours) >= 34
    assert page == ours


def test_every_reference_leads_somewhere():
    text = openapi.PATH.read_text(encoding="utf-8")
    for reference in set(re.findall(r'\$ref: "([^"]+)"', text)):
        openapi.resolve({"$ref": reference})
    for schema in openapi.document()["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    names = re.findall(r"operationId: (\w+)", text)
    assert len(names) == len(set(names)) == len(list(described()))


def test_every_kind_of_change_takes_if_match():
    for path, item in openapi.document()["paths"].items():
        for method in set(item) - {"parameters"}:
            parameters = {openapi.resolve(p)["name"] for p in item[method].get("parameters", [])}
            assert ("dry_run" in parameters) == ("If-Match" in parameters), (method, path)


@pytest.mark.parametrize("body, why", [
    ({"revision": 1}, "is a required property"),
    ({"confirm": None, "more": 1}, "Additional properties"),
    ({"confirm": {"revision": "x"}}, ""),
])
def test_the_judge_finds_what_is_wrong(body, why):
    with pytest.raises(AssertionError, match=why):
        openapi.check("GET", "/v1/confirm", 200, "application/json", body)
    openapi.check("GET", "/v1/confirm", 200, "application/json", {"confirm": None})


def test_the_example_is_a_configuration_of_the_page():
    validator = jsonschema.Draft202012Validator(
        {"$ref": "#/components/schemas/Config", "components": openapi.document()["components"]})
    validator.validate(yaml.safe_load(EXAMPLE))
