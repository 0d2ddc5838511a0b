"""Under ``CI=true`` a test may be skipped only for what a clean machine cannot have: a proof that does not run is none.

What `.ci/run` tried to install and could not (a browser, LaTeX), it says aloud and names in ``CONVCOST_WITHOUT``, split by commas.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

import pytest


class Allowed(NamedTuple):
    """Tests below ``path`` may be skipped for a reason that has ``reason`` in it; with ``without``, where that is missing."""

    path: str
    reason: str
    without: str | None = None


ALLOWED = (
    # What is small is installed in a step of its own: see `.ci/run`. The rest takes gigabytes, or a build of its own.
    Allowed("tests/oracle/", r"\bonnx\b", "onnx"),
    Allowed("tests/oracle/", r"\btflite\b(?!-micro)", "tflite"),
    Allowed("tests/oracle/", r"tflite-micro", "tflite_micro"),
    Allowed("tests/", r"\btorch(vision)?('| is not installed)", "torch"),
    Allowed("tests/oracle/", r"(fvcore|ptflops|thop|torchinfo|torchprofile) is not", "counters"),
    Allowed(
        "tests/oracle/",
        r"keras|tensorflow|onnxruntime|timm|ultralytics|yolox|pytorchcv|torchsr|mmseg|mmcv|calflops|ncnn|vela|torchaudio"
        r"|executorch",
    ),
    # Files of others, which are not ours to hand on.
    Allowed("tests/", r"beside the project|not at hand"),
    Allowed("tests/oracle/", r"is not there"),
    Allowed("tests/", r"root may write anywhere"),  # a container's user
    Allowed("tests/", r"browser|chromium|Chrome|playwright|kaleido", "browser"),
    Allowed("tests/", r"LaTeX|TikZ|pdftotext", "latex"),
    Allowed("tests/", r"DejaVu Sans"),  # a font of the system
)


def is_allowed(nodeid: str, reason: str, without: frozenset[str]) -> bool:
    """Whether a test that was skipped is on the list."""
    return any(
        nodeid.startswith(path) and re.search(said, reason) and (missing is None or missing in without)
        for path, said, missing in ALLOWED
    )


class Skips:
    """Collects what was skipped and may not have been; a run that has any fails, and names each."""

    def __init__(self, environment: os._Environ[str] | dict[str, str] = os.environ) -> None:
        self.asked = environment.get("CI", "").lower() in {"1", "true"}
        self.without = frozenset(filter(None, environment.get("CONVCOST_WITHOUT", "").split(",")))
        self.found: list[tuple[str, str]] = []

    def note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        """Remember a report if it is of a skip that is not on the list."""
        if not (self.asked and report.skipped) or hasattr(report, "wasxfail"):
            return
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not is_allowed(report.nodeid, reason, self.without):
            self.found.append((report.nodeid, reason))

    pytest_runtest_logreport = note
    pytest_collectreport = note

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the run."""
        if self.found and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say why."""
        if self.found:
            terminalreporter.section("skipped under CI, and not on the list of tests/helpers/skips.py")
            for nodeid, reason in self.found:
                terminalreporter.line(f"{nodeid}: {reason}")
