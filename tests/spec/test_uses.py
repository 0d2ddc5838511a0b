"""Other specs as parts of one: which is meant, its knobs, where it ends, and what is told of its problems."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from helpers.specs import HEAD, assert_resolves_to_itself, assert_swept_like_walked, spec, totals, written
from helpers.zoo import loaded

import convcost
from convcost.networks.load import open_network, validate

#: 3·3·3·w + w parameters, then for each stage 9·w·w + w.
PART = """
    knobs: {width: 8, stages: 2, act: {default: relu, choices: [relu, mine]}, resolution: 64, share_of: 1.0}
    presets: {small: {width: 4}, long: {stages: 3}}
    input: [resolution, resolution, 3]
    blocks:
      mine: {layers: [{relu: , name: own}]}
      stage:
        layers:
          - {conv2d: {channels: in.channels, kernel: 3, padding: 1}, name: conv}
          - act
    layers:
      - {conv2d: {channels: ceil(width * share_of), kernel: 3, padding: 1}, name: stem}
      - {stage: , name: stage, repeat: stages}
      - {layers: [{flatten: , name: flat}, {linear: {channels: 10}, name: fc}], name: classifier}
"""


def stored(width: int, stages: int) -> int:
    return 27 * width + width + stages * (9 * width * width + width)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "nets").mkdir()
    written(tmp_path / "nets", PART, "part")
    return tmp_path


def using(folder: Path, use: str, more: str = "", knobs: str = "{}") -> Path:
    return written(folder, f"knobs: {knobs}\ninput: [8, 8, 3]\nlayers:\n  - {{{use}, name: back}}\n{more}")


def params(folder: Path, use: str, **knobs) -> int:
    return (
        open_network(str(using(folder, use, knobs="{w: 8, n: 2, net: nets/part.yaml, end: stage}")), knobs)
        .report()
        .totals.params
    )


CLASSIFIER = 8 * 8 * 8 * 10 + 10  # of 8 channels on the 8×8 map that is read here, not on the 64×64 of its own input


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ("use: nets/part.yaml", stored(8, 2) + CLASSIFIER),
        ("use: ./nets/part.yaml, until: stage", stored(8, 2)),
        ("use: nets/part.yaml, until: stage1", stored(8, 1)),
        ("use: nets/part.yaml, until: stage1.conv", stored(8, 1)),
        ("use: nets/part.yaml, until: classifier.flat", stored(8, 2)),
        ("use: nets/part.yaml, until: stem", stored(8, 0)),
        ("use: nets/part.yaml, with: {width: 2 * w, stages: n + 1}, until: stage", stored(16, 3)),
        ("use: nets/part.yaml, with: {width: in.channels}, until: stage", stored(3, 2)),
        ("use: nets/part.yaml, with: {act: mine}, until: stage", stored(8, 2)),
        ("use: nets/part.yaml, with: {share_of: 0.3}, until: stage", stored(3, 2)),  # 2.4, rounded up
        ('use: "nets/part.yaml:small", until: stage', stored(4, 2)),
        ('use: "nets/part.yaml:small", with: {stages: 1}, until: stage', stored(4, 1)),
        ('use: "nets/part.yaml:small:stages=3", until: stage', stored(4, 3)),
        ('use: "nets/part.yaml:stages=3", until: stage', stored(8, 3)),
        ("use: net, until: end", stored(8, 2)),  # knobs that name the spec and the layer
    ],
)  # fmt: skip
def test_a_spec_is_a_part(folder: Path, use: str, expected: int) -> None:
    assert params(folder, use) == expected


def test_knobs_may_name_the_spec_and_the_layer(folder: Path) -> None:
    assert params(folder, "use: net, until: end", net="nets/part.yaml:small", end="stage1") == stored(4, 1)
    # resnet18's stem and max-pool: 7·7·3·64 and the batch-norm's 2·64.
    assert params(folder, "use: net, until: end", net="resnet18", end="pool1") == 7 * 7 * 3 * 64 + 2 * 64


def test_its_layers_are_read_by_path_and_stand_in_its_scope(folder: Path) -> None:
    more = "  - {concat: , in: [back.stage1.conv, back.stem, back], name: all}\n"
    more += "  - {conv2d: {channels: back.stem.channels, kernel: 1}, name: last}\n"
    network = open_network(str(using(folder, "use: nets/part.yaml, until: stage2.conv", more)), {})
    names = [node.name for node in network.graph.nodes]
    assert names == ["back.stem", "back.stage1.conv", "back.stage1.relu", "back.stage2.conv", "all", "last"]
    assert network.graph.nodes[-2].inputs == ("back.stage1.conv", "back.stem", "back.stage2.conv")
    assert network.graph.nodes[-1].attrs["channels"] == 8
    assert_resolves_to_itself(network, folder)


def test_a_network_of_the_zoo_is_its_own_part(tmp_path: Path) -> None:
    for model, output in (("resnet50", 1000), ("mobilenet_v2", 1000), ("googlenet_torchvision", 1000)):
        network = spec(tmp_path, f"input: [224, 224, 3]\nlayers: [{{use: {model}, name: net}}]\n")
        report, alone = network.report(), loaded(model).report()
        for metric in ("macs", "params", "activations", "peak_activation_bytes"):
            assert getattr(report.totals, metric) == getattr(alone.totals, metric)
        assert [layer.name for layer in report.layers] == [f"net.{layer.name}" for layer in alone.layers]
        assert report.layers[-1].output_shape == (output,)


def test_a_head_behind_a_backbone(tmp_path: Path) -> None:
    """MobileNetV2 at 320 without its classifier of 1280·1000 + 1000, and a 1×1 convolution of 24 channels on its 10×10 map."""
    text = "input: [320, 320, 3]\nlayers:\n  - {use: mobilenet_v2, until: head, name: backbone}\n"
    text += "  - {conv2d: {channels: 24, kernel: 1}, name: head}\n"
    found, alone = totals(tmp_path, text), convcost.load("mobilenet_v2", input_shape=320).report().totals
    assert found.params == alone.params - (1280 * 1000 + 1000) + 1280 * 24 + 24
    assert found.macs == alone.macs - 1280 * 1000 + 10 * 10 * 1280 * 24


def test_outputs_and_several_inputs(tmp_path: Path) -> None:
    written(
        tmp_path,
        """
        inputs: {image: [8, 8, 3], other: [8, 8, 2]}
        layers:
          - {conv2d: {channels: 4, kernel: 1}, in: image, name: a}
          - {conv2d: {channels: 5, kernel: 1}, in: other, name: b}
          - {concat: , in: [a, b], name: c}
        outputs: [a, c]
        """,
        "both",
    )
    text = """
        inputs: {x: [6, 6, 3], y: [6, 6, 2]}
        layers:
          - {use: both.yaml, in: [x, y], name: part}
          - {concat: , in: ["part:0", "part:1", part.b]}
    """
    network = spec(tmp_path, text)
    assert network.graph.nodes[-1].inputs == ("part.a", "part.c", "part.b")
    assert network.report().layers[-1].output_shape == (6, 6, 4 + 9 + 5)
    (problem,) = validate(
        str(
            written(
                tmp_path, text.replace("in: [x, y]", "in: x").replace('in: ["part:0", "part:1", part.b]', "in: [x, y]")
            )
        )
    )
    assert problem.what == "both takes 2 inputs (image, other), got 1"


def test_a_used_spec_is_repeated_and_shared(folder: Path) -> None:
    """A tower used twice, with its own weights and with those of the first."""
    text = "input: [8, 8, 3]\nlayers:\n  - {use: nets/part.yaml, until: stage, name: a}\n"
    text += "  - {use: nets/part.yaml, until: stage, in: input, name: b}\n  - {add: , in: [a, b]}\n"
    assert totals(folder, text).params == 2 * stored(8, 2)
    assert totals(folder, text.replace("name: b", "name: b, share: a")).params == stored(8, 2)
    assert totals(folder, text.replace("name: b", "name: b, trainable: false")).params == stored(8, 2)
    # Each hourglass reads the one before: 8 channels into a stem of 3·3·8·8 + 8.
    text = "input: [8, 8, 8]\nlayers: [{use: nets/part.yaml, until: stage, name: hourglass, repeat: 3}]\n"
    assert totals(folder, text).params == 3 * (9 * 64 + 8 + 2 * (9 * 64 + 8))


def test_a_sweep_goes_through_with(folder: Path) -> None:
    text = """
        knobs: {w: 8, n: 3, s: 1.0, act: {default: relu, choices: [relu, mine]}}
        input: [16, 16, 3]
        layers:
          - {use: nets/part.yaml, with: {width: 2 * w, stages: n, share_of: s, act: act}, until: stage, name: back}
          - {conv2d: {channels: w, kernel: 1}, name: head}
    """
    path = written(folder, text)
    assert_swept_like_walked(path, w=[1, 4, 9], n=[1, 2, 5], s=["0.5", "1.0", "1.1"])
    assert_swept_like_walked(path, w=[4], act=["relu", "mine"])


def test_closed_forms_go_through_with(folder: Path) -> None:
    from convcost.formulas.closed_form import closed_form
    from convcost.formulas.symbols import symbol

    path = using(folder, "use: nets/part.yaml, with: {width: w}, until: stage", knobs="{w: 8}")
    form = closed_form(str(path), None, ["w"], {}).quantities["params"]
    assert form.subs(symbol("w"), 12) == stored(12, 2)


def test_what_depends_on_no_knob_is_not_said_to(folder: Path) -> None:
    path = using(folder, "use: nets/part.yaml, with: {width: w}, until: stage", knobs="{w: 8, n: 2, unread: 1}")
    assert open_network(str(path), {}).report().knobs == {"w": 8}


def test_it_goes_to_another_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths are relative to the file, not to where a process stands."""
    network = open_network(str(using(folder, "use: nets/part.yaml, until: stage")), {})
    sent = pickle.dumps(network.origin)
    monkeypatch.chdir(folder / "nets")
    assert pickle.loads(sent).build().walked.steps[0].params == 27 * 8 + 8


USE = "use: nets/part.yaml, until: stage"
BAD = {
    "use: nets/party.yaml": "back: nets/party.yaml cannot be read: No such file or directory",
    "use: mobilnet_v2": (
        "back: there is no network 'mobilnet_v2' in the zoo. Did you mean mobilenet_v2? "
        "('convcost list' shows all; a file needs its path)"
    ),
    'use: "nets/part.yaml:smal"': "back: nets/part.yaml has no preset 'smal'. Did you mean small?",
    "use: nets/part.yaml, until: stag": "back: until 'stag', but back has no layer 'stag'. Did you mean stage?",
    "use: nets/part.yaml, until: stage1.relu": (
        "back: until 'stage1.relu', but only layers that say name: can be read; line 12 of nets/part.yaml says none"
    ),
    "use: nets/part.yaml, until: stage3": "back: until 'stage3', but back has no layer 'stage3'. Did you mean stage?",
    f"{USE}, with: {{widht: 3}}": "back: part has no knob 'widht'. Did you mean width?",
    f"{USE}, with: {{width: 1.5}}": "back: with width must be an integer >= 0, got 1.5",
    f"{USE}, with: {{width: wide}}": "back: with width must be an integer >= 0, got wide",
    f"{USE}, with: {{act: gelu}}": "back: with act must be relu or mine, got gelu",
    "use: net.yaml": "back: a network cannot contain itself: net.yaml -> net.yaml",
    "use: [nets/part.yaml]": (
        "layers.back: use needs the name of a network of the zoo, the path of a spec, or a knob that names one, got a list"
    ),
    f"{USE}, as: mean": "layers.back: as says how an op is written; there is none here",
    "use: nets/part.yaml, until: [stage]": "layers.back: until needs the name of a layer, got a list",
    "until: stage, relu: ": "layers.back: until goes with use, not with relu",
    "with: {width: 3}, relu: ": "layers.back: with goes with use, not with relu",
    "use: nets/part.yaml, in: [input, input]": "back: part takes 1 input (input), got 2",
}


@pytest.mark.parametrize("use", BAD)
def test_what_is_wrong_is_said_where_it_is_used(folder: Path, monkeypatch: pytest.MonkeyPatch, use: str) -> None:
    monkeypatch.chdir(folder)
    (problem,) = validate(str(using(folder, use)))
    assert f"{problem.scope}: {problem.what}" == BAD[use]
    assert problem.where is not None
    assert (problem.where.file, problem.where.line) == ("net.yaml", 6)


def test_what_is_wrong_inside_names_the_lines_of_that_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (folder / "nets" / "bad.yaml").write_text(
        f"{HEAD}input: [8, 8, 3]\nlayers:\n  - {{conv2d: {{chanels: 8, kernel: 3}}}}\n"
    )
    said = [
        str(problem)
        for problem in validate(str(using(folder, "use: nets/bad.yaml", "  - {use: nets/bad.yaml, name: again}\n")))
    ]
    assert said == ["nets/bad.yaml:5:15: layers.conv2d: unknown key 'chanels'. Did you mean channels?"]
    (folder / "nets" / "big.yaml").write_text(
        f"{HEAD}input: [32, 32, 3]\nlayers:\n  - {{max_pool: {{kernel: 9}}, name: pool}}\n"
    )
    (problem,) = validate(str(using(folder, "use: nets/big.yaml")))
    assert str(problem).startswith("nets/big.yaml:5:5: back.pool: ")


def test_circles_through_several_files_are_refused(folder: Path) -> None:
    for name, other in (("one", "two"), ("two", "one")):
        written(folder / "nets", f"input: [8, 8, 3]\nlayers: [{{use: {other}.yaml, name: {other}}}]\n", name)
    (problem,) = validate(str(folder / "nets" / "one.yaml"))
    assert problem.what == "a network cannot contain itself: one.yaml -> two.yaml -> one.yaml"


def test_nothing_is_left_unread_in_silence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    written(
        folder / "nets",
        """
        input: [8, 8, 3]
        layers:
          - {conv2d: {channels: 4, kernel: 1}, name: p3}
          - {conv2d: {channels: 4, kernel: 1}, name: p4, in: p3}
          - {conv2d: {channels: 4, kernel: 1}, name: p5, in: p3}
        outputs: [p4, p5]
        """,
        "pyramid",
    )
    path = using(folder, "use: nets/pyramid.yaml", "  - {relu: , in: back.p5}\n")
    (problem,) = validate(str(path))
    assert str(problem) == (
        "net.yaml:6:5: back: nothing reads what back.p4 puts out; read it by this name, or build back only until a layer before"
    )


def test_a_word_of_the_zoo_in_the_place_of_a_block_is_told_to_use_it(tmp_path: Path) -> None:
    cases = {
        "{mobilenet_v2: {width: 1.0}, name: backbone}": "mobilenet_v2 is a network of the zoo: {use: mobilenet_v2, with: {width: 1.0}}",
        "resnet50": "resnet50 is a network of the zoo: {use: resnet50}",
        "{efficientnet_b0: }": "efficientnet_b0 is a network of the zoo: {use: efficientnet_b0}",
        "{nets/mine.yaml: {n: [1, 2]}}": "a spec is used as {use: nets/mine.yaml, with: {n: [1, 2]}}",
    }
    for layer, hint in cases.items():
        (problem,) = validate(str(written(tmp_path, f"input: [32, 32, 3]\nlayers:\n  - {layer}\n")))
        word = layer.strip("{}").partition(":")[0]
        assert problem.what == f"there is no op or block {word!r}, but {hint}"


def test_a_name_of_the_zoo_is_that_whatever_files_the_working_directory_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network of the zoo that is built on another would otherwise depend on where it is asked for."""
    written(tmp_path, "input: [8, 8, 3]\nlayers: [relu]\n", "vgg16").rename(tmp_path / "vgg16")
    monkeypatch.chdir(tmp_path)
    assert convcost.load("ssd300_vgg16").report().totals == loaded("ssd300_vgg16").report().totals
    assert convcost.load("vgg16").report().totals.params == 0, "what a caller names may be a file"


def test_where_a_network_ends_may_be_a_knob_in_a_sweep(tmp_path: Path) -> None:
    """Repetitions that are only meant by a knob's value are built one by one."""
    written(
        tmp_path,
        """
        knobs: {n: 4}
        input: [16, 16, 8]
        layers: [{conv2d: {channels: 8, kernel: 3, padding: same, bias: false}, name: x, repeat: n}]
        """,
        "chain",
    )
    text = """
        knobs: {n: 4, u: {default: x4, choices: [x3, x4]}}
        input: [16, 16, 8]
        layers: [{use: chain.yaml, with: {n: n}, until: u, name: e}]
    """
    assert_swept_like_walked(written(tmp_path, text), u=["x3", "x4"], n=[3, 4, 5, 6])
    assert totals(tmp_path, text, u="x3", n=6).macs == 3 * 16 * 16 * 9 * 8 * 8


class TestPresets:
    """Presets of one's own file, named behind its path."""

    def test_a_preset_behind_the_path(self, folder: Path) -> None:
        path = str(folder / "nets" / "part.yaml")
        small = convcost.load(f"{path}:small", input_shape=8)
        assert small.report().totals.params == stored(4, 2) + 8 * 8 * 4 * 10 + 10
        assert small.name == "small"
        assert convcost.load(f"{path}:long:width=4").report().totals.params == stored(4, 3) + 64 * 64 * 4 * 10 + 10
        with pytest.raises(convcost.UsageError, match=r"has no preset 'smal'\. Did you mean small\?$"):
            convcost.load(f"{path}:smal")

    def test_it_is_no_name_of_the_zoo_that_could_be_kept(self) -> None:
        from convcost.core.places import of_zoo

        assert not of_zoo("ds_cnn.yaml:ds_cnn_m")
        assert not of_zoo("deeplabv3:backbone=mine.yaml,width=2")
        assert of_zoo("mobilenet_v2:width=0.5")
