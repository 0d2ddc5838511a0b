"""Cases of specs: grown, or those of the zoo and of documents with something wrong."""

from __future__ import annotations

import json
import re
from functools import cache
from random import Random
from typing import Any

import yaml
from helpers.invalid import BOMBS, CASES
from helpers.paths import ROOT

from fuzz import grown, mutants
from fuzz.case import Case

POLICIES = (
    "fused",
    "unfused",
    "fused_attention",
    "inplace",
    "concat_alias",
    "tinyengine",
    "largest",
    "mcunet",
    "sum",
    "training",
)
DTYPES = ("fp32", "int8", "int4", "binary", "fp16", "int16")
_LONGEST = 12_000
"""Letters of a text that is changed; the largest of the zoo take too long to be changed often."""


@cache
def texts() -> tuple[str, ...]:
    """Specs of the zoo, of the cases of valid and of invalid ones, and of documents."""
    folders = (ROOT / "specs", ROOT / "tests/cases/valid", ROOT / CASES)
    files = [path for folder in folders for path in sorted(folder.glob("*.yaml")) if path.stem not in BOMBS]
    found = [path.read_bytes().decode("utf-8", "replace") for path in files]
    for page in sorted((ROOT / "docs").glob("*.md")):
        found += re.findall(r"```yaml\n(convcost: 1\n.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return tuple(text for text in found if len(text) < _LONGEST)


@cache
def trees() -> tuple[dict[str, Any], ...]:
    """Those of them that YAML itself can read, as trees of texts."""
    found = []
    for text in texts():
        if _ANCHOR.search(text):
            continue  # which stands for more than it is
        try:
            tree = yaml.load(text, Loader=yaml.CBaseLoader)
        except (yaml.YAMLError, ValueError):
            continue
        if isinstance(tree, dict) and isinstance(tree.get("layers"), list):
            found.append(tree)
    return tuple(found)


_ANCHOR = re.compile(r"[-:,] &\w")
_PLAIN = re.compile(r"[\w.+*/()<=>-][\w.+*/()<=>% -]*(?<! )", re.ASCII)


def written(tree: Any) -> str:
    """A tree as YAML, with a line for each key at its top; texts are plain where they can be.

    >>> print(written({"name": "net", "layers": [{"relu": {"repeat": "max(1, n)"}}], "input": ["n * 2", 3]}), end="")
    name: net
    layers: [{relu: {repeat: "max(1, n)"}}]
    input: [n * 2, 3]
    """
    if not isinstance(tree, dict):
        return f"{_flow(tree)}\n"
    return "".join(f"{_flow(key)}: {_flow(inner)}\n" for key, inner in tree.items())


def _flow(tree: Any) -> str:
    if isinstance(tree, dict):
        return f"{{{', '.join(f'{_flow(key)}: {_flow(inner)}' for key, inner in tree.items())}}}"
    if isinstance(tree, list):
        return f"[{', '.join(map(_flow, tree))}]"
    if isinstance(tree, str) and (not tree or (_PLAIN.fullmatch(tree) and not tree.startswith("- "))):
        return tree
    return json.dumps(tree, ensure_ascii=False)


def spec(rng: Random) -> tuple[str, dict[str, list[str]]]:
    """The text of a spec, and the axes of a sweep of it."""
    roll = rng.random()
    if roll < 0.5:
        made = grown.network(rng)
        axes = grown.knobbed(rng, made) if rng.random() < 0.7 else {}
        return written(made), axes
    if roll < 0.6:
        return written(mutants.tree(rng, grown.network(rng))), {}
    if roll < 0.8:
        source = rng.choice(trees())
        made = mutants.tree(rng, source)
        return written(made), axes_of(rng, made)
    return mutants.text(rng, rng.choice(texts()), texts()), {}


def axes_of(rng: Random, tree: Any) -> dict[str, list[str]]:
    """Axes around the defaults of the knobs of a tree of texts."""
    knobs = tree.get("knobs") if isinstance(tree, dict) else None
    found = {}
    for name, stated in [*knobs.items()][:8] if isinstance(knobs, dict) else ():
        default = stated.get("default") if isinstance(stated, dict) else stated
        choices = stated.get("choices") if isinstance(stated, dict) else None
        if isinstance(choices, list):
            found[str(name)] = [str(one) for one in choices[:3]]
        elif isinstance(default, str) and re.fullmatch(r"\d{1,4}", default):
            found[str(name)] = [default, str(int(default) + 1), str(max(int(default) // 2, 1))]
        elif isinstance(default, str) and re.fullmatch(r"\d\.\d{1,3}", default):
            found[str(name)] = [default, "0.75", "1.1"]
        elif default in ("true", "false"):
            found[str(name)] = ["true", "false"]
    kept = rng.sample(sorted(found), min(len(found), 2))
    return {name: list(dict.fromkeys(found[name])) for name in kept}


def case(label: str, rng: Random) -> Case:
    """A spec, and one thing asked of it."""
    text, axes = spec(rng)
    plain = "\n" not in "".join(map(str, axes)) and all(axes.values())
    ask: tuple[Any, ...] = ("network",)
    if axes and plain and rng.random() < 0.6:
        settings = {
            "dtype": rng.choice(DTYPES),
            "memory_policy": rng.choice(POLICIES),
            "batch": rng.choice((1, 1, 3, 10**6)),
        }
        ask = ("swept", settings, axes) if rng.random() < 0.8 else ("fitted", rng.choice((10, 100, 1000, 10**5)), axes)
    elif rng.random() < 0.5:
        ask = (
            rng.choice(("resolved", "imported", "remembered", "rewritten", "drawn", "explained", "deployed", "shown")),
        )
    return Case(label, (ask[0], "net.yaml", *ask[1:]), {"net.yaml": text.encode("utf-8", "replace")})
