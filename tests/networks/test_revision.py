"""Files of git revisions as networks: what git itself would show, and one line where it cannot."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.edits import CHAIN
from helpers.limits import posix
from helpers.paths import TESTS

import convcost
from convcost.networks.revision import Revised, _used, revised

if TYPE_CHECKING:
    from helpers.cli import Cli

WIDER = CHAIN.replace("channels: 10}", "channels: 20}")
USES = """\
convcost: 1
name: uses
input: [32, 32, 16]
layers:
  - {use: ../parts/body.yaml, name: body}
"""


def git(folder: Path, *arguments: str) -> None:
    told = ["-c", "user.name=A", "-c", "user.email=a@b", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *told, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two revisions: of `net.yaml`, and of a spec that another uses; a third state in the folder; and scratch that is looked at."""
    folder = tmp_path / "repository"
    for name in ("specs", "parts"):
        (folder / name).mkdir(parents=True)
    git(folder, "init", "-q")
    for text in (CHAIN, WIDER):
        (folder / "net.yaml").write_text(text, encoding="utf-8")
        (folder / "parts" / "body.yaml").write_text(text.replace("name: chain", "name: body"), encoding="utf-8")
        (folder / "specs" / "uses.yaml").write_text(USES, encoding="utf-8")
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", "one more")
    for name in ("net.yaml", "parts/body.yaml"):
        (folder / name).write_text("nothing of a spec", encoding="utf-8")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.chdir(folder)
    yield folder
    assert list(scratch.iterdir()) == [], "a file is left behind"


@pytest.mark.parametrize("file", ["net.yaml", "specs/uses.yaml", "./net.yaml"])
@pytest.mark.usefixtures("repository")
def test_a_file_and_what_it_uses_come_from_one_revision(file: str) -> None:
    found = convcost.diff(f"HEAD~1:{file}", f"main:{file}")
    (row,) = found.changes
    assert row.words == "channels 10 -> 20"
    assert row.more("macs") == 10 * 64
    assert [found.old.label, found.new.label] == [f"HEAD~1:{file}", f"main:{file}"]


def test_from_a_folder_below_names_are_as_in_git(cli: Cli, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository / "specs")
    assert "channels 10 -> 20" in cli.ok("diff", "HEAD~1:specs/uses.yaml", "HEAD:./uses.yaml")
    assert "channels 10 -> 20" in cli.ok("diff", "HEAD~1:../net.yaml", "HEAD:net.yaml")
    said = cli.refused_in_a_line("diff", "HEAD:uses.yaml", "HEAD:net.yaml")
    assert said.endswith("from here it is HEAD:./uses.yaml")


def test_a_file_is_compared_with_its_last_revision(cli: Cli, repository: Path) -> None:
    (repository / "net.yaml").write_text(CHAIN, encoding="utf-8")
    assert cli("diff", "HEAD:net.yaml", "net.yaml", "--exit-code").exit_code == 1
    assert cli("diff", "HEAD~1:net.yaml", "net.yaml", "--exit-code").exit_code == 0


def test_presets_and_knobs_stand_behind_the_file(repository: Path) -> None:
    text = CHAIN.replace("input:", "knobs: {classes: 10}\npresets: {many: {classes: 100}}\ninput:").replace(
        "channels: 10}", "channels: classes}"
    )
    (repository / "knobs.yaml").write_text(text, encoding="utf-8")
    git(repository, "add", "knobs.yaml")
    git(repository, "commit", "-q", "-m", "knobs")
    for behind, classes in ((":many", 100), (":classes=30", 30), (":many:classes=40", 40)):
        found = convcost.diff("main:knobs.yaml", f"main:knobs.yaml{behind}")
        assert found.more("macs") == (classes - 10) * 64


def test_a_model_file_of_a_revision(repository: Path) -> None:
    (repository / "model.onnx").write_bytes((TESTS / "models" / "mobilenet_v3_small.onnx").read_bytes())
    git(repository, "add", "model.onnx")
    git(repository, "commit", "-q", "-m", "a model")
    assert not convcost.diff("HEAD:model.onnx", "model.onnx").differs


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("nowhere:net.yaml", "nowhere:net.yaml: git knows no revision 'nowhere' here"),
        ("HEAD:gone.yaml", "HEAD:gone.yaml: there is no such file in that revision"),
        ("HEAD:specs/../../net.yaml", "is named from the top of its repository"),
        ("HEAD:/net.yaml", "is named from the top of its repository"),
        ("HEAD~7:net.yaml", "git knows no revision 'HEAD~7' here"),
        ("--help:net.yaml", "No such option"),
    ],
)
@pytest.mark.usefixtures("repository")
def test_what_git_does_not_have_is_said_in_a_line(cli: Cli, model: str, said: str) -> None:
    assert said in cli.refused("diff", model, "mobilenet_v2")
    if not model.startswith("-"):
        cli.refused_in_a_line("diff", model, "mobilenet_v2")


def test_what_is_wrong_with_a_file_is_said_of_its_revision(cli: Cli, repository: Path) -> None:
    (repository / "parts" / "body.yaml").write_text(CHAIN.replace("channels: 10}", "channels: -1}"), encoding="utf-8")
    git(repository, "commit", "-q", "-a", "-m", "broken")
    said = cli.refused("diff", "HEAD:specs/uses.yaml", "mobilenet_v2")
    assert said.startswith("HEAD:parts/body.yaml:")
    assert "scratch" not in said


def test_a_file_that_is_not_there_is_not_taken_from_the_folder(cli: Cli, repository: Path) -> None:
    """What a spec of a revision uses must be in that revision, whatever stands in the folder today."""
    (repository / "specs" / "other.yaml").write_text(USES.replace("body.yaml", "new.yaml"), encoding="utf-8")
    git(repository, "add", "specs/other.yaml")
    git(repository, "commit", "-q", "-m", "uses what is not committed")
    (repository / "parts" / "new.yaml").write_text(CHAIN, encoding="utf-8")
    assert "new.yaml" in cli.refused("diff", "HEAD:specs/other.yaml", "mobilenet_v2")


def test_a_spec_that_names_too_many_files_is_refused_by_the_bound(cli: Cli, repository: Path) -> None:
    """999 beside itself, which git is asked for, are the most; names in comments are none."""
    places = [repository / "specs" / name for name in ("most.yaml", "more.yaml")]
    for path, many in zip(places, (999, 1000)):
        comments = "".join(f"# old{i}.yaml\n" for i in range(2000))
        named = "".join(f"  - {{use: ../parts/{i}.yaml, name: n{i}}} # once was{i}.yaml\n" for i in range(many - 1))
        path.write_text(USES + named + comments, encoding="utf-8")
    git(repository, "add", "-A", "specs")
    git(repository, "commit", "-q", "-m", "many")
    said = cli.refused_in_a_line("diff", "HEAD:specs/more.yaml", "lenet5")
    assert said == (
        "HEAD:specs/more.yaml: with the files that it names, and that these name, it is more than 1,000 files; "
        "check that revision out, and name its file"
    )
    assert cli.refused("diff", "HEAD:specs/most.yaml", "lenet5").startswith("HEAD:specs/most.yaml:6:")


def test_what_a_spec_mentions_is_looked_for_outside_of_comments() -> None:
    text = """\
# a.yaml
  # b.yaml
- use: parts/c.yaml # d.yaml
- "e #f.yaml"
- 'g.yaml' # h.yaml
- use: i#j.yaml
- [{use: 'k.yaml:small'}, {use: m.yaml}]
- "l\0.yaml"
"""
    # What stands behind a quote may be in the quotes: h is one too many, which is looked for and not there.
    found = [
        "specs/parts/c.yaml",
        "specs/e #f.yaml",
        "specs/g.yaml",
        "specs/h.yaml",
        "specs/j.yaml",
        "specs/k.yaml",
        "specs/m.yaml",
    ]
    assert _used("specs/net.yaml", text.encode()) == found


@posix
def test_no_program_runs_that_the_repository_names(cli: Cli, repository: Path) -> None:
    """To fetch what a partial clone lacks, git would start the program that the folder's own settings name."""
    named = subprocess.run(["git", "rev-parse", "HEAD:net.yaml"], capture_output=True, text=True, check=True).stdout
    (repository / ".git" / "objects" / named[:2] / named[2:].strip()).unlink()
    git(repository, "config", "core.repositoryformatversion", "1")
    git(repository, "config", "extensions.partialClone", "origin")
    git(repository, "config", "remote.origin.promisor", "true")
    git(repository, "config", "remote.origin.url", "ssh://nowhere/x")
    git(repository, "config", "protocol.ssh.allow", "always")
    git(repository, "config", "core.sshCommand", "touch ran; false")
    said = cli.refused_in_a_line("diff", "HEAD:net.yaml", "lenet5")
    assert said.startswith("HEAD:net.yaml: git lists this file and cannot show it; in a partial clone 'git cat-file")
    assert not (repository / "ran").exists()


def test_without_a_repository_and_without_git(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert "is in no git repository" in cli.refused_in_a_line("diff", "main:net.yaml", "mobilenet_v2")
    monkeypatch.setenv("PATH", "")
    assert "there is no program git" in cli.refused_in_a_line("diff", "main:net.yaml", "mobilenet_v2")


def test_a_file_of_that_name_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.name == "nt":
        pytest.skip("no colons in file names")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main:net.yaml").write_text(CHAIN, encoding="utf-8")
    assert revised("main:net.yaml") is None
    assert not convcost.diff("main:net.yaml", tmp_path / "main:net.yaml").differs


def test_names_that_are_no_revisions() -> None:
    for name in (
        "C:net.yaml",
        "c:/nets/net.yaml",
        "C:\\nets\\net.yaml",
        "net.yaml",
        "net.yaml:small",
        "vgg16",
        "vgg16:width=2",
    ):
        assert revised(name) is None
    assert revised("v1.0:nets/a:b/net.onnx") == Revised("v1.0", "nets/a:b/net.onnx", "")
    assert revised("origin/main:net.yml:small:width=2") == Revised("origin/main", "net.yml", ":small:width=2")
