"""Layers that use the parameters of others, and parameters that are not trained: stored once, multiplied at each use."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.specs import assert_resolves_to_itself, assert_swept_like_walked, spec, totals, written

from convcost.networks.load import validate

#: conv1 stores 3·3·3·8 + 8 = 224, each of the two 1×1 convolutions behind it 8·8 + 8 = 72 and its batch-norm 2·8 + 2·8.
TOWER = """
    input: [6, 6, 3]
    blocks:
      tower:
        args: {k: 1, bias: true}
        layers:
          - {conv2d: {channels: 8, kernel: 3, padding: 1}, name: conv1}
          - {layers: [{conv2d: {channels: 8, kernel: k, padding: k // 2, bias: bias}, name: inner}, relu], name: group}
          - batch_norm
          - {conv2d: {channels: 8, kernel: 1}, name: conv2, repeat: 2, share: true}
    layers:
      - {tower: , name: left}
"""


def shares(network) -> dict[str, dict[str, str]]:
    return {node.name: dict(node.shares) for node in network.graph.nodes if node.shares}


def all_of(owner: str) -> dict[str, str]:
    return dict.fromkeys(("weights", "biases", "buffers"), owner)


class TestShares:
    def test_a_layer_uses_the_parameters_of_an_earlier_one(self, tmp_path: Path) -> None:
        network = spec(
            tmp_path,
            """
            input: [10]
            layers:
              - {linear: {channels: 10}, name: fc1}
              - {linear: {channels: 10}, name: fc2, share: fc1}
            """,
        )
        found = network.report().totals
        # 10·10 MACs twice; 10·10 + 10 parameters once.
        assert (found.macs, found.params, found.used_params) == (200, 110, 220)
        assert shares(network) == {"fc2": all_of("fc1")}
        assert_resolves_to_itself(network, tmp_path)

    def test_what_stands_inside_a_block_corresponds_by_name_and_a_tensor_has_one_owner(self, tmp_path: Path) -> None:
        network = spec(
            tmp_path,
            TOWER + "      - {tower: , in: input, name: right, share: left}\n      - {add: , in: [left, right]}",
        )
        found = network.report().totals
        once = 224 + 72 + 16 + 72  # the second conv2 of each tower is its first
        assert (found.params, found.used_params) == (once, 2 * (once + 72))
        assert found.buffers == 16
        assert shares(network) == {
            "left.conv2_2": all_of("left.conv2_1"),
            "right.conv1": all_of("left.conv1"),
            "right.group.inner": all_of("left.group.inner"),
            "right.batch_norm": all_of("left.batch_norm"),
            "right.conv2_1": all_of("left.conv2_1"),
            "right.conv2_2": all_of("left.conv2_1"),
        }
        assert_resolves_to_itself(network, tmp_path)

    def test_a_third_one_shares_with_the_first_whomever_it_names(self, tmp_path: Path) -> None:
        text = """
            input: [6, 6, 4]
            layers:
              - {conv2d: {channels: 4, kernel: 3}, name: a}
              - {conv2d: {channels: 4, kernel: 3}, name: b, share: a}
              - {conv2d: {channels: 4, kernel: 1, bias: false}, name: c}
              - {layers: [{conv2d: {channels: 4, kernel: 1, bias: false}, name: x}], name: d, repeat: 3, share: true}
              - {conv2d: {channels: 4, kernel: 1, bias: false}, name: e, share: d3.x}
              - {conv2d: {channels: 4, kernel: 1, bias: false}, name: f, share: d.x}
        """
        network = spec(tmp_path, text)
        owners = {name: owner["weights"] for name, owner in shares(network).items()}
        assert owners == {"b": "a", "d2.x": "d1.x", "d3.x": "d1.x", "e": "d1.x", "f": "d1.x"}
        assert network.report().totals.params == 4 * 4 * 9 + 4 + 2 * 4 * 4

    def test_single_tensors_are_shared_by_themselves(self, tmp_path: Path) -> None:
        network = spec(
            tmp_path,
            """
            input: [6, 6, 4]
            layers:
              - {conv2d: {channels: 4, kernel: 3, padding: 1}, name: a}
              - {conv2d: {channels: 4, kernel: 3, padding: 1}, name: b}
              - {conv2d: {channels: 4, kernel: 3, padding: 1}, name: c, share: {weights: a, biases: b}}
              - {conv2d: {channels: 4, kernel: 3, padding: 1}, name: d, share: {weights: a}}
            """,
        )
        # Twice 4·4·9 + 4, nothing for c, the biases of d.
        assert network.report().totals.params == 2 * (144 + 4) + 4
        assert shares(network)["c"] == {"weights": "a", "biases": "b"}
        assert_resolves_to_itself(network, tmp_path)

    def test_every_repetition_of_a_recursive_network_uses_the_first(self, tmp_path: Path) -> None:
        """DRRN (Tai et al. 2017): 25 recursive units share their weights; without share: true each has its own."""
        text = """
            knobs: {units: 25}
            input: [720, 1280, 1]
            blocks:
              unit:
                inputs: [x, first]
                layers:
                  - {conv2d: {channels: 128, kernel: 3, padding: 1, bias: false}, name: conv1, in: x}
                  - {conv2d: {channels: 128, kernel: 3, padding: 1, bias: false}, name: conv2}
                  - {add: {}, in: [conv2, first], name: sum}
            layers:
              - {conv2d: {channels: 128, kernel: 3, padding: 1, bias: false}, name: first}
              - {unit: {}, in: [first, first], repeat: units, name: u, share: true}
              - {conv2d: {channels: 1, kernel: 3, padding: 1, bias: false}, name: last}
        """
        ends, unit, positions = 2 * 9 * 128, 2 * 9 * 128 * 128, 720 * 1280
        assert totals(tmp_path, text).macs == positions * (ends + 25 * unit) == 6_796_895_846_400
        assert totals(tmp_path, text).params == ends + unit == 297_216
        separate = totals(tmp_path, text.replace(", share: true", ""))
        assert (separate.macs, separate.params) == (6_796_895_846_400, ends + 25 * unit)
        assert_swept_like_walked(written(tmp_path, text), units=[1, 2, 3, 4, 25])

    def test_a_siamese_trunk(self, tmp_path: Path) -> None:
        """Two 30×30 images as the halves of one input: 900·9·32 and 225·9·32·32 MACs for each, 9·32 + 32 and 9·32·32 + 32."""
        text = """
            input: [60, 30, 1]
            blocks:
              trunk:
                layers:
                  - {conv2d: {channels: 32, kernel: 3, padding: same}, name: c1}
                  - {max_pool: {kernel: 2}}
                  - {conv2d: {channels: 32, kernel: 3, padding: same}, name: c2}
                  - {max_pool: {kernel: 2}}
                  - flatten
            layers:
              - {split: {sections: 2, axis: height}, name: images}
              - {trunk: {}, in: "images:0", name: left}
              - {trunk: {}, in: "images:1", name: right, share: left}
              - {concat: {}, in: [left, right]}
        """
        found = totals(tmp_path, text)
        assert found.macs == 2 * (900 * 9 * 32 + 225 * 9 * 32 * 32) == 4_665_600
        assert found.params == (9 * 32 + 32) + (9 * 32 * 32 + 32) == 9_568

    def test_a_grid_of_shared_blocks_equals_its_networks(self, tmp_path: Path) -> None:
        """Repeats inside blocks that share are as many on both sides, or the network cannot be built."""
        text = """
            knobs: {a: 2, b: 2, width: 8, stride: 1}
            input: [12, 12, 8]
            blocks:
              tower:
                args: {n: , stride: 1}
                layers:
                  - {conv2d: {channels: 8, kernel: 3, padding: 1, stride: stride}, name: r, repeat: n, then: {stride: 1}}
                  - {conv2d: {channels: width, kernel: 1}, name: out}
            layers:
              - {tower: {n: a}, name: left}
              - {tower: {n: b, stride: stride}, in: input, name: right, share: left}
              - {global_avg_pool: , in: left, name: x}
              - {global_avg_pool: , in: right, name: y}
              - {concat: , in: [x, y]}
        """
        assert_swept_like_walked(written(tmp_path, text), a=[1, 2, 3, 5], b=[2, 3, 5], width=[4, 9], stride=[1, 2])

    def test_repeats_inside_a_recursive_block_are_the_same_in_each(self, tmp_path: Path) -> None:
        text = """
            knobs: {n: 3, m: 3}
            input: [8, 8, 4]
            blocks:
              unit:
                layers:
                  - {conv2d: {channels: 4, kernel: 3, padding: 1, stride: 2}, name: r, repeat: m}
            layers:
              - {unit: , name: u, repeat: n, share: true}
        """
        # On 8×8 the stride still makes a smaller map, on 1×1 none: what repeats alike differs from unit to unit.
        assert_swept_like_walked(written(tmp_path, text), n=[1, 2, 3, 6], m=[1, 3, 4, 5])


class TestTrainable:
    def test_what_is_not_trained_is_stored_all_the_same(self, tmp_path: Path) -> None:
        network = spec(tmp_path, TOWER.replace("name: left}", "name: left, trainable: false}"))
        found = network.report().totals
        assert (found.params, found.used_params) == (0, 0)
        assert found.buffers == (224 + 72 + 16 + 72) + 16
        assert [node.name for node in network.graph.nodes if node.trainable] == ["left.group.relu"]
        assert_resolves_to_itself(network, tmp_path)

    @pytest.mark.parametrize(
        "item",
        [
            "{conv2d: {channels: 4, kernel: 3}, trainable: false}",
            "{layers: [{conv2d: {channels: 4, kernel: 3}}], trainable: false}",
            "{layers: [{conv2d: {channels: 4, kernel: 3}}], name: stem, trainable: not tuned}",
            "{each: {conv2d: {channels: c, kernel: 3}}, columns: [c], rows: [[4]], trainable: false}",
            "{parallel: {a: [{conv2d: {channels: 4, kernel: 3}}], b: {if: false, layers: []}}, join: add, trainable: tuned}",
        ],
    )
    def test_on_whatever_is_built(self, tmp_path: Path, item: str) -> None:
        found = totals(tmp_path, f"knobs: {{tuned: false}}\ninput: [6, 6, 4]\nlayers:\n  - {item}\n")
        assert (found.params, found.buffers) == ((148, 0) if "not tuned" in item else (0, 148))  # 4·4·9 + 4

    def test_a_shared_tensor_is_trained_where_its_owner_is(self, tmp_path: Path) -> None:
        network = spec(
            tmp_path,
            TOWER.replace("name: left}", "name: left, trainable: false}")
            + "      - {tower: , in: input, name: right, share: left}\n      - {add: , in: [left, right]}",
        )
        assert network.report().totals.params == 0
        assert not network.graph.nodes[-2].trainable
        assert_resolves_to_itself(network, tmp_path)

    def test_a_grid_of_what_is_trained_equals_its_networks(self, tmp_path: Path) -> None:
        text = """
            knobs: {n: 4, frozen: 2}
            input: [6, 6, 4]
            layers:
              - {conv2d: {channels: 4, kernel: 1}, name: a, repeat: n, trainable: n > frozen}
              - {conv2d: {channels: 4, kernel: 1}, name: b}
        """
        assert_swept_like_walked(written(tmp_path, text), n=[1, 2, 3, 5], frozen=[1, 2, 4])


BEHIND = "      - {add: , in: [left, right]}\n"


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("{tower: {k: 3}, in: input, name: right, share: left}",
         "right.group.inner: shares the weights of left.group.inner, which has 64, but needs 576"),
        ("{tower: {bias: false}, in: input, name: right, share: left}",
         "right.group.inner: shares the biases of left.group.inner, which has 8, but needs 0"),
        ("{layers: [{conv2d: {channels: 8, kernel: 3, padding: 1}, name: conv1}], in: input, name: right, share: left}",
         "right: shares the parameters of left, which has left.group.inner, but there is no right.group.inner here"),
        ("{layers: [{tower: , name: conv1}], in: input, name: right, share: left}",
         "right.conv1.conv1: shares the parameters of left, which has no layer left.conv1.conv1"),
        ("{conv2d: {channels: 8, kernel: 1}, in: left, name: right, share: left.batch_norm}",
         "right: shares the parameters of 'left.batch_norm', but only layers that say name: can be read; give line 11 one: {batch_norm: {…}, name: batch_norm}"),
        ("{linear: {channels: 8, at: positions}, in: left, name: right, share: left.conv2}",
         "right: shares the parameters of left.conv2_2, but is linear and not conv2d"),
        ("{tower: , in: input, name: right, share: input}",
         "right: shares the parameters of 'input', which is an input here and has none"),
        ("{tower: , in: input, name: right, share: lefft}",
         "right: shares the parameters of 'lefft', but no earlier layer here has this name. Did you mean left?"),
        ("{tower: , in: input, name: right, share: right}",
         "right: shares the parameters of 'right', which comes later; a layer can only read earlier ones"),
        ("{tower: , in: input, name: right, share: left, trainable: false}",
         "right.conv1: shares the parameters of left.conv1, which are trained: say trainable: false there"),
        ("{tower: , in: input, name: right, share: true}",
         "layers.right: share: true goes with repeat; else it names an earlier layer"),
        ("{tower: , in: input, name: right, share: [left]}",
         "layers.right: share needs the name of an earlier layer or block, or true for what is repeated, got a list"),
        ("{tower: , in: input, name: right, share: {weights: left}}",
         "right: share names single tensors of an op, and tower is a block: share: NAME uses all that is inside"),
        ("{conv2d: {channels: 8, kernel: 3, padding: 1}, in: input, name: right, share: {}}",
         "layers.right: share needs one of weights, biases, buffers, got none"),
        ("{conv2d: {channels: 8, kernel: 3}, in: input, name: right, share: {weights: left}}",
         "right: shares the weights of left, which is no op; share: left uses all that is inside"),
        ("{tower: {share: left}, in: input, name: right}",
         "layers.right: unknown key 'share': it stands beside the op or block, as in {relu: , name: act}"),
        ("{tower: , in: input, name: right, trainable: 1}", "right: trainable must be true or false, got 1"),
    ],
)  # fmt: skip
def test_what_cannot_share_is_refused_in_one_line_at_the_item(tmp_path: Path, item: str, message: str) -> None:
    path = written(tmp_path, f"{TOWER}      - {item}\n{BEHIND}")
    (problem,) = validate(str(path))
    assert problem.where is not None
    assert problem.where.line == TOWER.count("\n") + 3
    assert f"{problem.scope}: {problem.what}" == message


MISFIT = "groups must divide the channels, got groups 3 for 8 channels"
UNIT = "layers: [{conv2d: {channels: 8, kernel: 1}}, {group_norm: {groups: GROUPS}, name: norm}, relu, {conv2d: {channels: 8, kernel: 1}}]"


@pytest.mark.parametrize(
    ("layers", "line", "scope"),
    [
        ("- {group_norm: {groups: 3}, name: a, trainable: false}\n- {conv2d: {channels: in.channels, kernel: 1}}", 3, "a"),
        ("- {group_norm: {groups: 3}, name: a}\n- {group_norm: {groups: 4}, name: b, share: a}\n- {group_norm: {groups: 4}, name: c, share: b}", 3, "a"),
        ("- {group_norm: {groups: 3}, name: a}\n- {group_norm: {groups: 4}, name: b, share: {weights: a}}", 3, "a"),
        ("- {group_norm: {groups: 4}, name: a}\n- {group_norm: {groups: 3}, name: b, share: a}", 4, "b"),
        (f"- {{{UNIT}, name: a}}\n- {{{UNIT}, name: b, share: a}}".replace("GROUPS", "3", 1).replace("GROUPS", "4"), 3, "a.norm"),
        (f"- {{{UNIT}, name: a}}\n- {{{UNIT}, name: b, share: a}}".replace("GROUPS", "4", 1).replace("GROUPS", "3"), 4, "b.norm"),
        ("- {layers: [{group_norm: {groups: 3}, name: norm}, relu], name: a, repeat: 3, share: true}", 3, "a1.norm"),
    ],
)  # fmt: skip
def test_a_layer_that_does_not_fit_is_told_once_whatever_shares_with_it(
    tmp_path: Path, layers: str, line: int, scope: str
) -> None:
    """Its output has a shape all the same, which what follows can be looked at with; that there is no such layer is not so."""
    path = written(tmp_path, f"input: [6, 6, 8]\nlayers:\n{layers}\n")
    (problem,) = validate(str(path))
    assert (problem.where and problem.where.line, problem.scope, problem.what) == (line + 2, scope, MISFIT)


def test_a_grid_of_shared_layers_of_which_some_do_not_fit_equals_its_networks(tmp_path: Path) -> None:
    text = """
        knobs: {channels: 8, groups: 2}
        input: [6, 6, 3]
        blocks:
          tower: {layers: [{conv2d: {channels: channels, kernel: 1}}, {group_norm: {groups: groups}}, {conv2d: {channels: 4, kernel: 1}}]}
        layers:
          - {tower: , name: left}
          - {tower: , in: input, name: right, share: left}
          - {add: , in: [left, right]}
    """
    assert_swept_like_walked(written(tmp_path, text), channels=[8, 9, 4], groups=[2, 3])


def test_share_on_a_group_needs_a_name(tmp_path: Path) -> None:
    path = written(tmp_path, f"{TOWER}      - {{layers: [relu], share: left}}\n")
    (problem,) = validate(str(path))
    assert (
        problem.what == "share needs a name beside layers, so that the layers inside correspond to those of the owner"
    )


@pytest.mark.parametrize(
    "fields", ["{weights: fixed}", "{weights: fixed, biases: own}", "{biases: own, weights: fixed}"]
)
def test_a_layer_of_which_some_tensors_are_trained_and_some_are_not_is_refused(tmp_path: Path, fields: str) -> None:
    """Whatever the order in which they are named: a node trains all of its tensors or none."""
    text = """
        input: [6, 6, 8]
        layers:
          - {conv2d: {channels: 8, kernel: 3, padding: 1}, name: fixed, trainable: false}
          - {conv2d: {channels: 8, kernel: 3, padding: 1}, name: own}
          - {conv2d: {channels: 8, kernel: 3, padding: 1}, name: both, share: FIELDS}
    """
    (problem,) = validate(str(written(tmp_path, text.replace("FIELDS", fields))))
    assert problem.what.startswith("weights and biases of a layer are trained together")
    fixed = spec(
        tmp_path, text.replace("name: both, share: FIELDS", "name: both, trainable: false, share: {weights: fixed}")
    )
    assert [step.params for step in fixed.steps] == [0, 9 * 8 * 8 + 8, 0]
    assert [step.buffers for step in fixed.steps] == [9 * 8 * 8 + 8, 0, 8]
