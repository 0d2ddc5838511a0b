"""Networks as they stood in a git revision: `main:net.yaml`, `HEAD~1:specs/net.yaml`, as git itself names files of them."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from posixpath import dirname, join, normpath
from typing import Any, NamedTuple

from convcost.core.ending import tidied
from convcost.core.errors import Problem, SpecError, UsageError
from convcost.core.places import zoo_directory
from convcost.networks.inputs import GivenShape
from convcost.networks.load import Model, open_network
from convcost.networks.network import Network
from convcost.networks.origin import FromSpec, knobs_text
from convcost.spec.zoo import is_path, split_name

_FILE = re.compile(
    r"(?P<path>.+?\.(?:ya?ml|onnx|tflite|keras|h5|pt2|pth|pt|param))(?P<rest>:.*)?$", re.IGNORECASE | re.DOTALL
)
_MENTIONED = re.compile(
    r"\"([^\"\n]+\.ya?ml)[^\"\n]*\"?|'([^'\n]+\.ya?ml)[^'\n]*'?|(?<![^\s\"'\[\]{},:#])([^\s\"'\[\]{},:#]+\.ya?ml)"
)
"""What may be the name of another spec in the text of one."""
_COMMENT = re.compile(r"^((?:[^\"'\n]*[ \t])?)#.*", re.MULTILINE)
"""A comment, in a line with no quotes before it, which could be around it."""
_MOST_FILES = 1000
"""Of the specs that one uses, and that these use."""
_SECONDS = 60
"""Until git must have answered."""
_ENVIRONMENT = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": ""}
"""What git is told: nothing is fetched, for then it would run programs that the repository's own settings name."""
_LFS = b"version https://git-lfs.github.com/spec/"


class Revised(NamedTuple):
    """A file of a git revision, with what may stand behind it: a preset, knobs."""

    revision: str
    path: str
    rest: str

    @property
    def text(self) -> str:
        """As git names it."""
        return f"{self.revision}:{self.path}"


def revised(model: str) -> Revised | None:
    """The revision and file that a model's name means; None for any other name, and for the path of an existing file.

    A single letter is a drive, not a revision.

    >>> revised("HEAD~1:specs/net.yaml"), revised("main:net.yaml:width=0.5")
    (Revised(revision='HEAD~1', path='specs/net.yaml', rest=''), Revised(revision='main', path='net.yaml', rest=':width=0.5'))
    >>> [revised(name) for name in ("net.yaml:small", "mobilenet_v2:width=0.5", "C:net.yaml", "nets/net.yaml", "-x:net.yaml")]
    [None, None, None, None, None]
    """
    revision, colon, behind = model.partition(":")
    found = _FILE.match(behind)
    if (
        not colon
        or not found
        or "\0" in model
        or _FILE.match(revision)
        or re.fullmatch(r"-.*|[A-Za-z]?", revision, re.DOTALL)
    ):
        return None
    if os.path.isfile(model) or os.path.isfile(f"{revision}:{found['path']}"):
        return None
    return Revised(revision, found["path"], found["rest"] or "")


def of_same_file(revision: str, model: Model) -> str:
    """The file that a network is read from, in a revision that stands alone, `main:`; raises `UsageError` if it is read from none.

    >>> of_same_file("main:", "nets/net.yaml")
    'main:./nets/net.yaml'
    """
    name = _name_of_file(model)
    if name is None:
        called = model.label if isinstance(model, Network) else os.fspath(model)
        raise UsageError(f"{called} is no file: of {revision} there is nothing to compare it with")
    return f"{revision}./{os.path.relpath(name)}".replace(os.sep, "/")


def is_of_same_file(baseline: str, model: Model) -> bool:
    """Whether a file of a revision is the one that a network is read from, however it is named."""
    place, found = revised(baseline), _FILE.match(_name_of_file(model) or "")
    if place is None or found is None:
        return False
    top = (_git(place, "rev-parse", "--show-toplevel") or b"").decode().rstrip("\n")
    return os.path.realpath(os.path.join(top, _relative(place))) == os.path.realpath(found["path"])


def _name_of_file(model: Model) -> str | None:
    """A network's file, with its preset and knobs; None for one of the zoo, and for one that was rewritten."""
    if not isinstance(model, Network):
        return os.fspath(model) if is_path(split_name(os.fspath(model))[0]) else None
    origin = model.origin
    if not isinstance(origin, FromSpec) or os.path.dirname(origin.spec.path) in ("", zoo_directory()):
        return None
    preset = origin.name if origin.name in origin.spec.presets else ""
    return ":".join(filter(None, (origin.spec.path, preset, knobs_text(origin))))


def opened_at(model: Model, knobs: Mapping[str, Any] | None = None, input_shape: GivenShape | None = None) -> Network:
    """As `open_network`, and of a name such as `main:net.yaml` the network that the file was in that revision, built.

    What the file uses comes from the same revision. Raises `UsageError` where git, the repository, the revision or the
    file is missing, and `SpecError`.
    """
    place = revised(model) if isinstance(model, str) else None
    if place is None:
        return open_network(model, knobs or {}, input_shape)
    with _checked_out(place) as (folder, path):
        try:
            network = open_network(path + place.rest, knobs or {}, input_shape)
            network.walked  # noqa: B018 - what it uses is read while it is there
        except SpecError as error:
            raise SpecError([_shown(problem, folder, place) for problem in error.problems]) from None
        except UsageError as error:
            raise UsageError(_without(str(error), folder, place)) from None
    return network


def _shown(problem: Problem, folder: str, place: Revised) -> Problem:
    where = problem.where and problem.where._replace(file=_without(os.path.normpath(problem.where.file), folder, place))
    return Problem(where, _without(problem.scope, folder, place), _without(problem.what, folder, place))


def _without(text: str, folder: str, place: Revised) -> str:
    """A text with the files of the revision called as git calls them."""
    return text.replace(os.path.join(folder, ""), f"{place.revision}:")


@contextmanager
def _checked_out(place: Revised) -> Iterator[tuple[str, str]]:
    """A folder with the file and all that it may use, which is gone in the end; and the path of the file in it."""
    tree = _git(place, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{place.revision}^{{tree}}")
    if tree is None:
        raise UsageError(
            f"{place.text}: git knows no revision {place.revision!r} here; 'git log' and 'git branch' show them"
        )
    top = _relative(place)
    made = tempfile.TemporaryDirectory(prefix="convcost-")
    with tidied(made.cleanup), made:
        folder = os.path.realpath(made.name)
        waiting, seen = [top], {top}
        while waiting:
            path = waiting.pop()
            data = _blob(place, path)
            if data is None:
                if path == top:
                    raise UsageError(f"{place.text}: there is no such file in that revision{_hint(place)}")
                continue
            target = os.path.join(folder, *path.split("/"))
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb") as file:
                file.write(data)
            coming = [name for name in _used(path, data) if name not in seen]
            seen.update(coming)
            waiting += coming
            if len(seen) > _MOST_FILES:
                raise UsageError(
                    f"{place.text}: with the files that it names, and that these name, it is more than {_MOST_FILES:,} "
                    "files; check that revision out, and name its file"
                )
        yield folder, os.path.join(folder, *top.split("/"))


def _relative(place: Revised) -> str:
    """The path from the top of the repository; one that begins with a dot is from here, as in git."""
    path = place.path.replace(os.sep, "/")
    if path.startswith(("./", "../")):
        before = (_git(place, "rev-parse", "--show-prefix") or b"").decode().strip()
        path = join(before, path)
    path = normpath(path)
    if path.startswith(("/", "..")):
        raise UsageError(f"{place.text}: a file of a revision is named from the top of its repository")
    return path


def _hint(place: Revised) -> str:
    """What to write where the file is in this folder, not at the top of the repository."""
    before = (_git(place, "rev-parse", "--show-prefix") or b"").decode().strip()
    if before and not place.path.startswith("."):
        return f"; names are from the top of the repository; from here it is {place.revision}:./{place.path}"
    return ""


def _blob(place: Revised, path: str) -> bytes | None:
    """What a file contains, through links inside of the repository; None if there is none."""
    data = b""
    for _ in range(8):
        listed = _git(place, "ls-tree", "--full-tree", place.revision, "--", f":(literal){path}")
        mode, kind = (*(listed or b"").split(maxsplit=2), b"", b"")[:2]
        if kind != b"blob":
            return None
        data = _contents(place, path)
        if mode != b"120000":
            break
        path = normpath(join(dirname(path), data.decode("utf-8", "replace")))
        if path.startswith(("/", "..")):
            return None
    if data.startswith(_LFS):
        raise UsageError(
            f"{place.revision}:{path} is kept in Git LFS, so that git has only a pointer to it; check it out"
        )
    return data


def _contents(place: Revised, path: str) -> bytes:
    """What git has stored for a path that it lists; raises `UsageError` where it was never fetched."""
    data = _git(place, "cat-file", "blob", f"{place.revision}:{path}")
    if data is None:
        raise UsageError(
            f"{place.revision}:{path}: git lists this file and cannot show it; in a partial clone "
            f"'git cat-file -p {place.revision}:{path}' fetches it"
        )
    return data


def _used(path: str, data: bytes) -> list[str]:
    """The paths that the text of a spec mentions, from the top of the repository."""
    if not path.lower().endswith((".yaml", ".yml")):
        return []
    text = _COMMENT.sub(r"\1", data.decode("utf-8", "replace"))
    names = (next(filter(None, found)) for found in _MENTIONED.findall(text))
    paths = (normpath(join(dirname(path), name)) for name in names)
    return [one for one in dict.fromkeys(paths) if not one.startswith(("/", "..")) and "\0" not in one]


def _git(place: Revised, *arguments: str) -> bytes | None:
    """What git prints; None if it says no. Raises `UsageError` without git, and outside of a repository."""
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and what is asked begins with no dash
            ["git", "-c", "core.quotePath=false", *arguments],  # noqa: S607 - the user's own git
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            env={**os.environ, **_ENVIRONMENT},
            check=False,
        )
    except FileNotFoundError:
        raise UsageError(f"{place.text}: a file of a revision needs git, and there is no program git") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(
            f"{place.text}: git cannot be asked: {getattr(error, 'strerror', None) or 'no answer'}"
        ) from None
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.decode("utf-8", "replace")
    if "not a git repository" in said:
        raise UsageError(f"{place.text}: this folder is in no git repository, and there is no file of this name")
    if "dubious ownership" in said:
        raise UsageError(
            f"{place.text}: git refuses the repository, which another user owns (git config safe.directory)"
        )
    return None
