"""Files of ncnn against ncnn itself: the shape of every blob that it makes, and which blobs are integers there."""

from __future__ import annotations

from pathlib import Path
from random import Random
from types import ModuleType

import pytest
from helpers.ncnn_layers import KINDS, drawn
from helpers.paths import ROOT

from convcost.core.errors import SpecError
from convcost.graph.walk import Walk
from convcost.importers.imported import Imported
from convcost.importers.ncnn.file import BY_DATA, read

from .ncnn_runtime import Shape, integers, shapes

pytestmark = pytest.mark.oracle

MODELS = ROOT.parent / "shared" / "models" / "ncnn"
FILES = {path.stem: path for folder in (ROOT / "tests" / "models", MODELS) for path in sorted(folder.glob("*.param"))}
OPEN = {"FastestDet": 352, "vision_transformer": 384, "detector": 64}
"""Sizes for those that state none: those of ncnn's own benchmark, and one."""
EACH = 40


@pytest.fixture(scope="module")
def ncnn() -> ModuleType:
    return pytest.importorskip("ncnn", reason="pip install --no-deps ncnn")  # type: ignore[no-any-return]


def ours(imported: Imported, sizes: dict[str, Shape]) -> dict[str, Shape | None]:
    """The shape of every blob as it is lowered, None where that is not known."""
    walk = Walk(sizes)
    lowering = imported.lowering(walk, {})
    lowering.run(imported.values(sizes, {}))
    return {name: None if one.lost else tuple(one.shape[1:]) for name, one in lowering.values.items()}


def whole(path: Path, resolution: int | None = None) -> tuple[Imported, dict[str, Shape], dict[str, Shape]]:
    """A file, its input as networks have it, and as ncnn has it."""
    imported = Imported(read(str(path)))
    ((name, entry),) = imported.entries.items()
    size = OPEN.get(path.stem) if resolution is None else resolution
    height, width, channels = (one if size is None or at == 2 else size for at, one in enumerate(entry.sizes))
    assert isinstance(height, int)
    assert isinstance(width, int)
    assert isinstance(channels, int)
    return imported, {name: (height, width, channels)}, {entry.source: (channels, height, width)}


def blobs(imported: Imported) -> list[str]:
    """What layers make, without what depends on data, or only ends several branches."""
    ops = imported.model.body.ops
    return [name for op in ops if op.type not in (*BY_DATA, "Noop") for name in op.outputs]


@pytest.mark.parametrize("name", FILES)
def test_every_blob_has_its_shape(ncnn: ModuleType, name: str):
    imported, sizes, given = whole(FILES[name])
    names = blobs(imported)
    found = ours(imported, sizes)
    assert {one: found.get(one) for one in names} == shapes(ncnn, FILES[name], given, names)


@pytest.mark.parametrize("name", [name for name in FILES if "int" in name])
def test_blobs_are_integers_where_ncnn_has_integers(ncnn: ModuleType, name: str):
    imported, _, given = whole(FILES[name])
    names = blobs(imported)
    stated = {one for one in names if imported.model.body.stated[one].dtype == "int8"}
    assert stated == integers(ncnn, FILES[name], given, names)


@pytest.mark.parametrize(
    ("name", "resolution"),
    [
        *((name, size) for name in ("squeezenet", "mobilenet_v2", "shufflenet_v2") for size in (96, 257, 320)),
        *((name, size) for name in ("yolov4-tiny", "nanodet_m", "mobilenet_ssd") for size in (96, 320)),
    ],
)
def test_other_sizes_than_the_files_own_are_ncnns(ncnn: ModuleType, name: str, resolution: int):
    if name not in FILES:
        pytest.skip("ncnn's own files are not beside the project")
    imported, sizes, given = whole(FILES[name], resolution)
    lowering = imported.lowering(Walk(sizes), {}, imported.reference(imported.own_sizes(sizes)))
    lowering.run(imported.values(sizes, {}))
    names = blobs(imported)
    assert {one: tuple(lowering.values[one].shape[1:]) for one in names} == shapes(ncnn, FILES[name], given, names)


@pytest.mark.parametrize("kind", KINDS)
def test_layers_with_random_parameters_make_what_ncnn_makes(ncnn: ModuleType, kind: str, tmp_path: Path):
    path = tmp_path / "net.param"
    for seed in range(EACH):
        file = drawn(Random(f"{kind} {seed}"), kind)
        path.write_text(file.text)
        imported = Imported(read(str(path)))
        sizes = {
            name: tuple(size for size in one.sizes if isinstance(size, int)) for name, one in imported.entries.items()
        }
        try:
            found = ours(imported, sizes)
        except SpecError:
            found = {}
        assert {one: found.get(one) for one in file.makes} == shapes(ncnn, path, file.inputs, file.makes), file.text
