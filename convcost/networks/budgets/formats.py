"""A check as build systems read it: workflow commands of GitHub, SARIF 2.1.0, JUnit XML."""

from __future__ import annotations

import os
import re
from _blake2 import blake2b
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from convcost.core.errors import Where, lines_spelled, spelled
from convcost.core.limits import LIMITS, Kind
from convcost.core.version import __version__
from convcost.networks.budgets.lines import Failure, Line, Verdict
from convcost.render.table import json_text

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"
_FAILED = "not-checked"
"""The rule of a network that could not be checked."""
_COMMAND = re.compile(r"^\s*::|##\[", re.MULTILINE)
"""What the runner takes for a workflow command, in either notation."""


_LEVELS: Mapping[Verdict, str] = {"broken": "error", "not proven": "warning"}


def workflow_commands(lines: Sequence[Line], failures: Sequence[Failure]) -> str:
    """A workflow command for each limit that is broken or not proven, and for each network that is not checked.

    Those of one network at one place are one: a build shows only the first ten.
    """
    groups: dict[tuple[str, str, Where | None], list[Line]] = {}
    for verdict, level in _LEVELS.items():
        for line in lines:
            if line.verdict == verdict:
                groups.setdefault((level, line.network, line.at), []).append(line)
    found = [
        _command(level, f"{network}: {', '.join(line.limit for line in together)}", _together(together), where)
        for (level, network, where), together in groups.items()
    ]
    found += [_command("error", f"{one.network or 'convcost'}: not checked", one.what, one.where) for one in failures]
    return "".join(f"{command}\n" for command in found)


def harmless(text: str) -> str:
    """A text for the log of a build in which names that look like workflow commands are none.

    >>> print(harmless("::error::x") + harmless("a::b"))
    ::stop-commands::87b480c733d116f45ccd20ec6d687387
    ::error::x
    ::87b480c733d116f45ccd20ec6d687387::
    a::b
    """
    if not _COMMAND.search(text):
        return text
    token = blake2b(text.encode(), digest_size=16).hexdigest()  # which a text cannot contain itself
    return f"::stop-commands::{token}\n{text.rstrip()}\n::{token}::\n"


def _together(lines: Sequence[Line]) -> str:
    return "\n".join(line.text for line in lines)


def _command(level: str, title: str, message: str, where: Where | None) -> str:
    """A workflow command, its parts escaped as the runner unescapes them, and no command to who looks at its log.

    >>> print(_command("error", "net: macs", "50% over", Where("a,b.yaml", 3, 1)))
    ::error file=a%2Cb.yaml,line=3,col=1,title=net%3A macs::50%25 over
    """
    place = {"file": _path(where), "line": str(where.line), "col": str(where.column)} if where else {}
    properties = ",".join(f"{key}={_escaped(spelled(value), ':,')}" for key, value in {**place, "title": title}.items())
    return f"::{level} {properties}::{_escaped(lines_spelled(message))}"


def _escaped(text: str, also: str = "") -> str:
    for char in f"%\r\n{also}":
        text = text.replace(char, f"%{ord(char):02X}")
    return text


def _path(where: Where) -> str:
    """The file as seen from the top of the repository, where the build system says which that is."""
    top, path = os.path.abspath(os.environ.get("GITHUB_WORKSPACE", "")), os.path.abspath(where.file)
    if os.environ.get("GITHUB_WORKSPACE") and path.startswith(os.path.join(top, "")):
        return os.path.relpath(path, top).replace(os.sep, "/")
    return where.file.replace(os.sep, "/")


def sarif(lines: Sequence[Line], failures: Sequence[Failure], status: int) -> str:
    """SARIF 2.1.0: a rule per limit, a result for each that is broken or not proven."""
    shown = [line for verdict in _LEVELS for line in lines if line.verdict == verdict]
    used = {line.limit for line in shown}
    kinds = [kind for name, kind in LIMITS.items() if name in used]
    order = {kind.name: at for at, kind in enumerate(kinds)}
    invocation = {
        "executionSuccessful": not failures,
        "exitCode": status,
        "toolExecutionNotifications": [_notification(failure) for failure in failures],
    }
    one = {
        "tool": {"driver": {"name": "convcost", "version": __version__, "rules": [_rule(kind) for kind in kinds]}},
        "invocations": [invocation],
        "columnKind": "unicodeCodePoints",
        "results": [_result(line, _LEVELS[line.verdict], order) for line in shown],
    }
    return json_text({"$schema": _SCHEMA, "version": "2.1.0", "runs": [one]})


def _rule(kind: Kind) -> dict[str, Any]:
    of = "each layer" if kind.of == "layer" else "the network"
    growth = "the growth of " if kind.grows else ""
    return {
        "id": kind.name,
        "shortDescription": {"text": f"A limit on {growth}the {kind.metric.full} of {of}."},
        "defaultConfiguration": {"level": "error"},
    }


def _result(line: Line, level: str, order: Mapping[str, int]) -> dict[str, Any]:
    digest = blake2b(f"{line.network}\0{line.limit}".encode(), digest_size=16).hexdigest()
    result: dict[str, Any] = {
        "ruleId": line.limit,
        "ruleIndex": order[line.limit],
        "level": level,
        "message": {"text": f"{line.network}: {line.text}"},
        "partialFingerprints": {"networkAndLimit/v1": digest},
        "properties": {
            "measured": line.value(line.measured),
            "allowed": line.value(line.allowed),
            "before": None if line.before is None else line.value(line.before),
        },
    }
    return result | ({"locations": [_location(line.at)]} if line.at else {})


def _notification(failure: Failure) -> dict[str, Any]:
    said = f"{failure.network}: {failure.what}" if failure.network else failure.what
    found: dict[str, Any] = {"level": "error", "message": {"text": said}, "descriptor": {"id": _FAILED}}
    return found | ({"locations": [_location(failure.where)]} if failure.where else {})


def _location(where: Where) -> dict[str, Any]:
    artifact = {"uri": quote(_path(where))} | ({} if os.path.isabs(_path(where)) else {"uriBaseId": _ROOT})
    return {
        "physicalLocation": {
            "artifactLocation": artifact,
            "region": {"startLine": where.line, "startColumn": where.column},
        }
    }


def junit(lines: Sequence[Line], failures: Sequence[Failure]) -> str:
    """JUnit XML as pytest writes it: a test case for each limit of each network."""
    from xml.etree import ElementTree as ET

    tags = [_TAGS.get(line.verdict, "") for line in lines]
    counts = {"errors": len(failures), "failures": tags.count("failure"), "skipped": tags.count("skipped")}
    suite = ET.Element("testsuite", name="convcost")
    for name, number in {**counts, "tests": len(lines) + len(failures), "time": 0}.items():
        suite.set(name, str(number))
    top = ET.Element("testsuites", name="convcost check")
    top.append(suite)
    for line, tag in zip(lines, tags, strict=True):
        _case(suite, line.network, line.limit, line.at, tag, line.text)
    for failure in failures:
        _case(suite, failure.network or "convcost", "is checked", failure.where, "error", failure.text)
    ET.indent(top)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(top, encoding="unicode") + "\n"


_TAGS: Mapping[Verdict, str] = {"broken": "failure", "not proven": "skipped"}


def _case(suite: Any, network: str, name: str, where: Where | None, tag: str, text: str) -> None:
    """Add a test case; what became of it, if it did not pass, is the element of the `tag` in it."""
    from xml.etree import ElementTree as ET

    case = ET.SubElement(suite, "testcase", classname=spelled(network), name=name, time="0")
    if where is not None:
        case.set("file", spelled(_path(where)))
        case.set("line", str(where.line))
    if tag:
        inner = ET.SubElement(case, tag, message=spelled(text))
        inner.text = spelled(text)
