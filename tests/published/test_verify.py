"""Published figures: what a printed figure stands for, every verdict and every way an explanation fails, and the data."""

from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction

import pytest
from helpers.paths import ROOT

from convcost import load
from convcost.conventions.catalog import all_conventions
from convcost.core.errors import UsageError
from convcost.core.printed import Printed
from convcost.published.choices import KINDS
from convcost.published.count import Recount
from convcost.published.data import Claim, accuracies, claims, combined, definitions, read_claims, sources
from convcost.published.figure import QUANTITIES, Figure, figure
from convcost.published.verify import CITED, DIFFERS, REPRODUCED, UNEXPLAINED, Verdict, judge, verify
from convcost.spec.zoo import files

# printed, unit, rounding, and values that it does and does not stand for; the bounds follow from the last digit.
READINGS = [
    (
        "569",
        "M",
        "",
        [568_500_000, 569_500_000],
        [568_499_999, 569_500_001],
    ),  # a value exactly between may become either
    ("4.24", "M", "", [4_235_000, 4_245_000], [4_234_999, 4_245_001]),
    ("300", "M", "down", [300_000_000, 300_999_999], [299_999_999, 301_000_000]),
    ("15300", "M", "to 100", [15_250_000_000, 15_350_000_000], [15_249_999_999, 15_350_000_001]),
    ("700", "K", "down to 100", [700_000, 799_999], [699_999, 800_000]),
    ("112", "Ki", "", [114_688, 114_176, 115_200], [114_175, 112_000]),  # 112 · 1024, and half of 1024 to either side
    ("112", "K", "", [112_000, 111_500], [114_688, 111_499]),
    ("233", "MiB", "", [244_318_208], [233_000_000]),  # 233 · 1024²
    ("60,000", "", "", [60_000], [59_999, 60_001]),  # a count in ones is exact
    ("~4.1", "G", "", [4_089_184_256], [4_160_000_000]),
    ("94.86", "%", "", [Fraction(94857, 1000)], [Fraction(94854, 1000)]),
]


@pytest.mark.parametrize(("printed", "unit", "rounding", "fitting", "others"), READINGS)
def test_a_printed_figure_stands_for_what_rounds_to_it(printed, unit, rounding, fitting, others):
    quantity = {"MiB": "weight_bytes", "%": "macs_share"}.get(unit, "macs")
    read = figure(quantity, printed, unit, rounding)
    assert [value for value in fitting if not read.fits(Fraction(value))] == []
    assert [value for value in others if read.fits(Fraction(value))] == []


def test_a_printed_shape_may_leave_out_the_channels_and_square_a_side():
    assert figure("input_shape", "112²×64", "", "").fits((112, 112, 64))
    assert figure("input_shape", "112 × 112 × 64".replace(" ", ""), "", "").fits((112, 112, 64))
    assert figure("output_shape", "7x7", "", "").fits((7, 7, 2048))
    assert not figure("output_shape", "7×7", "", "").fits((7, 8, 2048))
    assert not figure("output_shape", "1000", "", "").fits((1, 1, 1000))


def test_what_is_found_is_written_with_one_digit_more_than_is_printed():
    assert figure("params", "4.2", "M", "").written(Fraction(4_231_976)) == "4.23"
    assert figure("params", "2.7", "Ki", "").written(Fraction(9_408)) == "9.19"  # 9,408 / 1,024 = 9.1875
    assert figure("params", "60,000", "", "").written(Fraction(61_706)) == "61,706"
    assert figure("macs", "15300", "M", "to 100").written(Fraction(15_470_264_320)) == "15,470.3"


def test_b_means_bytes_of_memory_and_billions_of_counts():
    """lenet5: 61,706 parameters of 4 bytes."""
    assert figure("weight_bytes", "246,824", "B", "").fits(Fraction(246_824))
    assert figure("macs", "2.3", "B", "").fits(Fraction(2_300_000_000))


@pytest.mark.parametrize("together", ["4.24M", "4.24 M"])
def test_a_unit_may_stand_behind_the_number(together):
    assert figure("params", together, "", "") == figure("params", "4.24", "M", "")


WRONG = [
    (("weights", "1", "", ""), "quantity: there is no 'weights'"),
    (("macs", "1", "Q", ""), "unit: there is no 'Q' for MACs. Known: B, G, Gi, K, Ki, M, Mi, P, Pi, T, Ti"),
    (("macs", "1", "KiB", ""), "unit: there is no 'KiB' for MACs. Did you mean Ki?"),
    (("weight_bytes", "1", "G", ""), "printed: '1 G': G may mean powers of 1,000 or of 1,024; write 1GiB"),
    (("macs", "3,00", "M", ""), "printed: '3,00 M' is not a count, e.g. 300M, 4.1G or 4,089,184,256"),
    (("macs", "7,24.4", "M", ""), "printed: '7,24.4 M' is not a count, e.g. 300M, 4.1G or 4,089,184,256"),
    (("macs", "9" * 5000, "", ""), "is not a count, e.g. 300M, 4.1G or 4,089,184,256"),
    (("macs", "4", "M", "to 00"), "rounding: 'to 00' is not empty, down, to N or down to N"),
    (("input_shape", "224x224", "M", ""), "unit: a shape has none, got 'M'"),
    (("input_shape", "224x224", "", "to 7"), "rounding: a shape has none, got 'to 7'"),
    (("macs", "4.2M", "M", ""), "printed: '4.2M M' is not a count, e.g. 300M, 4.1G or 4,089,184,256"),
    (("macs", "4.2Q", "", ""), "printed: '4.2Q' is not a count, e.g. 300M, 4.1G or 4,089,184,256"),
    (("macs", "-4", "M", ""), "printed: '-4 M' is not a count, e.g. 300M, 4.1G or 4,089,184,256"),
    (("macs", "4", "M", "up"), "rounding: 'up' is not empty, down, to N or down to N"),
    (("macs", "4", "M", "to 0"), "rounding: 'to 0' is not empty, down, to N or down to N"),
    (("input_shape", "224 by 224", "", ""), "printed: '224 by 224' is not a shape, e.g. 112×112×64 or 112²×64"),
]


@pytest.mark.parametrize(("cells", "message"), WRONG)
def test_a_figure_that_cannot_be_read_is_refused(cells, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        figure(*cells)


# LeNet-5 as taught today, by hand: C1 5·5·1·6 + 6 = 156 and 28²·150 = 117,600; C3 5·5·6·16 + 16 = 2,416 and
# 10²·2,400 = 240,000; then 400·120 + 120, 120·84 + 84, 84·10 + 10. Together 61,706 parameters and 416,520 MACs, of which
# the convolutions have 2,572 (2,550 without biases) and 357,600.
INVENTED = [
    ("params,61.7,K,,,,", REPRODUCED, ""),
    ("params,61,K,down,,,", REPRODUCED, "cut off"),
    ("params,61.8,K,,,,", UNEXPLAINED, "it differs, and the columns counting and because give no reason"),
    ("macs,357600,,,conv_only,,", DIFFERS, "counts convolutions only"),
    ("macs,360000,,to 10000,conv_only,,", DIFFERS, "counts convolutions only; rounded to 10000"),
    ("params,2550,,,conv_only weights_only,,", DIFFERS, "counts convolutions only; counts weights, no biases"),
    ("macs,833040,,,two_per_mac,,", DIFFERS, "counts two operations per multiply-accumulate"),
    ("params,60,K,,,of another network,61.71", DIFFERS, "of another network"),
    ("params,60000,,,,of another network,61706", DIFFERS, "of another network"),
    ("macs,357600,,,weights_only,,", UNEXPLAINED, "weights_only gives 416,520"),
    ("macs,416520,,,conv_only,,", UNEXPLAINED, "it fits without conv_only, which explains nothing any more"),
    ("macs,357600,,,conv_only no_bn,,", UNEXPLAINED, "it fits without no_bn, which explains nothing any more"),
    ("params,61.7,K,,,a misprint,61.71", UNEXPLAINED, "what convcost finds fits; it needs no explanation any more"),
    ("params,60,K,,,a misprint,61.72", UNEXPLAINED, "the data says that convcost finds 61.72"),
    ("params,60,K,,,a misprint,62", UNEXPLAINED, "the data says that convcost finds 62"),  # no digit more than printed
]


@pytest.mark.parametrize(("cells", "verdict", "explanation"), INVENTED)
def test_verdicts(cells, verdict, explanation, tmp_path):
    table = tmp_path / "mine.csv"
    header = "model,quantity,printed,unit,rounding,counting,because,computed\n"
    table.write_text(f"{header}lenet5,{cells}\n", encoding="utf-8")
    (found,) = verify(data=str(table))
    assert (found.verdict, found.explanation) == (verdict, explanation)


# By hand for MobileNetV1 and LeNet-5: stage7 repeats a block of 512 channels five times (Table 1).
PARTS = [
    ("mobilenet_v1", "blocks", "stage7.block*", "5"),
    ("mobilenet_v1", "blocks", "stage*", "9"),
    ("mobilenet_v1", "layers", "stage7", "10"),
    ("mobilenet_v1", "stride", "stem.conv2d", "2"),
    ("mobilenet_v1", "kernel", "conv2d 3×3 depthwise", "3"),
    ("mobilenet_v1", "channels", "stage8", "1024"),
    ("mobilenet_v1", "groups", "stage1.block1.depthwise.conv2d", "32"),
    ("mobilenet_v1", "channels_at", "14", "512"),
    ("mobilenet_v1", "half_bytes_at", "14", "200704"),  # 2 · 14 · 14 · 512
    ("lenet5", "conv_activations", "c1", "4704"),  # 28 · 28 · 6
    ("lenet5", "activation_bytes", "c1", "18816"),
    ("lenet5", "weight_bytes", "c1", "624"),  # 4 · 156
    ("lenet5", "macs", "linear", "58920"),  # 48,000 + 10,080 + 840
]


@pytest.mark.parametrize(("model", "quantity", "part", "printed"), PARTS)
def test_quantities_of_parts(model, quantity, part, printed, tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text(f"model,quantity,part,printed\n{model},{quantity},{part},{printed}\n", encoding="utf-8")
    (found,) = verify(data=str(table))
    assert found.verdict == REPRODUCED, found


def test_what_the_converter_to_tensorflow_lite_estimates(tmp_path, counter):
    """By hand: 96 + 9 + 240 products, 48 + 3 + 5 outputs with a bias, 3 sigmoids at 64, 48 outputs of a product."""
    spec = tmp_path / "gated.yaml"
    spec.write_text(
        "convcost: 1\nname: gated\ninput: [4, 4, 2]\nlayers:\n"
        "- conv2d: {channels: 3, kernel: 1, bias: false}\n- batch_norm\n- relu\n"
        "- parallel:\n    x: []\n    gate: [global_avg_pool, {conv2d: {channels: 3, kernel: 1}}, sigmoid]\n"
        "  join: multiply\n- flatten\n- linear: {channels: 5}\n"
    )
    found = counter.count("macs", "", str(spec), {}, combined(["tflite_converter"]))
    assert 2 * found == 2 * (96 + 9 + 240) + 48 + 3 + 5 + 64 * 3 + 48


@pytest.fixture(scope="module")
def counter() -> Recount:
    return Recount()


@pytest.fixture(scope="module")
def verdicts(counter: Recount) -> list[tuple[Claim, Verdict]]:
    return [(claim, judge(claim, counter)) for claim in claims()]


def test_every_published_figure_is_explained(verdicts):
    assert [verdict for _, verdict in verdicts if verdict.verdict == UNEXPLAINED] == []


def test_there_are_enough_figures_from_enough_places(verdicts):
    assert len(verdicts) >= 1100
    assert len({claim.source for claim, _ in verdicts}) >= 20
    assert sum(sources()[key].kind in ("paper", "authors") for key in {claim.source for claim, _ in verdicts}) >= 15
    said = Counter(verdict.verdict for _, verdict in verdicts)
    assert said[REPRODUCED] >= 700


def test_every_explanation_is_needed(verdicts, counter):
    """Without it, the figure is unexplained; and each part of a way to count is needed, which judge itself checks."""
    for claim, verdict in verdicts:
        if verdict.verdict == DIFFERS:
            assert judge(claim._replace(counting=(), because=""), counter).verdict == UNEXPLAINED, claim


def test_every_explanation_that_can_be_recomputed_is(verdicts):
    for claim, verdict in verdicts:
        if claim.counting:
            assert claim.because == ""
            assert verdict.recounted != "", claim


def misprinted(read: Figure) -> Figure:
    """The figure with its last digit changed by more than its rounding."""
    if not isinstance(read.means, Printed):
        return read._replace(means=(read.means[0] + 1, *read.means[1:]))
    return read._replace(means=read.means._replace(value=read.means.value + (2 * read.means.last or 1)))


def test_a_wrong_digit_in_print_is_noticed(verdicts, counter):
    checked = 0
    for claim, verdict in verdicts:
        if verdict.verdict == REPRODUCED or claim.counting:
            wrong = judge(claim._replace(figure=misprinted(claim.figure)), counter)
            assert wrong.verdict == UNEXPLAINED, claim
            checked += 1
    assert checked > 900


def test_a_wrong_digit_in_what_the_data_says_convcost_finds_is_noticed(verdicts, counter):
    for claim, _ in verdicts:
        if claim.because:
            text = claim.computed
            wrong = text[:-1] + str((int(text[-1]) + 5) % 10)
            assert judge(claim._replace(computed=wrong), counter).verdict == UNEXPLAINED, claim


def test_no_figure_stands_twice_and_everything_that_is_defined_is_used():
    every = claims()
    keys = Counter(
        (c.source, c.locator, c.item, c.model, *sorted(c.knobs.items()), c.figure.quantity, c.part) for c in every
    )
    assert [key for key, count in keys.items() if count > 1] == []
    assert {key for claim in every for key in claim.counting} == set(definitions())
    assert {claim.source for claim in every} | {one.source for one in accuracies()} == set(sources())
    page = (ROOT / "docs" / "published.md").read_text(encoding="utf-8")
    words = {*QUANTITIES, *(claim.figure.unit for claim in every)}
    assert [word for word in sorted(words) if f"`{word}`" not in page and word] == []


def test_sources_and_definitions_hold():
    for source in sources().values():
        assert source.kind in KINDS
        assert source.read in ("A", "B", "C"), "a figure from memory is no published figure"
        assert 1998 <= source.year <= 2030
    for way in definitions().values():
        assert way.says
        assert way.convention in (*all_conventions(), "")


# The places where print and arithmetic disagree, as found when the data was collected: source, item, printed.
DISAGREEMENTS = [
    ("mobilenet_v1", "Conv 3×3", "1.19 %"),
    ("mobilenet_v1", "row 26, Conv dw / s2", "2"),
    ("mobilenet_v1_slim", "MobileNet_v1_0.75_224", "317 M"),
    ("mobilenet_v1_slim", "MobileNet_v1_0.75_128", "104 M"),
    ("mobilenet_v1_slim", "MobileNet_v1_0.25_192", "34 M"),
    ("mobilenet_v2", "MobileNetV1", "575 M"),
    ("keras_docs", "1.0 MobileNet-224", "529 M"),
    ("osmr", "MobileNet x1.0", "579.80 M"),
    ("mobilenet_v1", "Squeezenet", "1700 M"),
    ("mobilenet_v1", "VGG 16", "15300 M"),
    ("mobilenet_v2", "MobileNetV2 (1.4)", "6.9 M"),
    ("osmr", "MobileNetV2b x1.0", "315.51 M"),
    ("mobilenet_v2", "19 residual bottleneck layers", "19"),
    ("mobilenet_v2", "MobileNetV1, 7×7", "199 kB"),
    ("mobilenet_v2", "ShuffleNet (2×, g=3), 28×28", "400"),
    ("mobilenet_v3", "V3-Small 1.0", "66 M"),
    ("mobilenet_slim", "Small minimalistic (float)", "65 M"),
    ("mobilenet_v3", "layer before the classifier", "1280"),
    ("efficientnet", "EfficientNet-B4", "4.2 B"),
    ("efficientnet", "EfficientNet-B5", "9.9 B"),
    ("efficientnet", "ResNet-50, depth 4", "16.2 B"),
    ("efficientnet", "ResNet-50, width 2", "14.7 B"),
    ("googlenet", "convolution", "2.7 Ki"),
    ("googlenet", "convolution", "34 M"),
    ("googlenet", "inception (5a)", "54 M"),
    ("googlenet", "inception (4c)", "463 Ki"),
    ("mobilenet_v1", "GoogleNet", "1550 M"),
    ("inception_v3", "Inception-v3", "4.8 B"),
    ("alexnet", "input", "224×224×3"),
    ("resnet", "50-layer", "3.8 G"),
    ("shufflenet_v1", "ShuffleNet 1.5× (g = 3)", "292 M"),
    ("shufflenet_v2", "1.0×", "146 M"),
    ("mnasnet_tpu", "depth multiplier 1, 224", "315.2 M"),
    ("convnext", "ConvNeXt-B 384", "47.0 G"),
    ("lenet5", "LeNet-5 as taught today", "60,000"),
    ("nasnet", "Inception V1", "6.6 M"),
]


@pytest.mark.parametrize(("source", "item", "printed"), DISAGREEMENTS)
def test_known_disagreements_are_in_the_data(source, item, printed, verdicts):
    found = [v for _, v in verdicts if (v.source, v.item, v.printed) == (source, item, printed)]
    assert {v.verdict for v in found} == {DIFFERS}


def test_accuracies_are_many_and_each_has_a_place():
    every = accuracies()
    assert len(every) >= 300
    assert len({one.family for one in every}) >= 30
    assert [key for key, n in Counter((o.source, o.locator, o.item) for o in every).items() if n > 1] == []
    for one in every:
        assert one.tier in KINDS, one
        assert 30 < Fraction(one.top1) < 95, one
        assert one.top5 == "" or Fraction(one.top1) < Fraction(one.top5) < 100, one
        assert one.params == "" or Fraction(1, 10) < Fraction(one.params) < 1000, one
        assert one.macs == "" or 5 < Fraction(one.macs) < 300_000, one
        assert one.convention in ("", *all_conventions(), *definitions()), one
        assert (one.convention == "") == (one.macs == ""), one


def test_accuracies_of_networks_of_the_zoo_name_them_at_the_resolution_of_the_evaluation():
    named = [one for one in accuracies() if one.model]
    assert len(named) >= 150
    shapes: dict[str, int] = {}
    for one in named:
        key = f"{one.model} {sorted(one.knobs.items())}"
        if key not in shapes:
            shapes[key] = load(one.model, **one.knobs).graph.input_shape[0]
        assert shapes[key] == one.resolution, one


def test_accuracies_are_cited_and_filtered_like_claims():
    cited = [one for one in verify(["resnet50"], source="torchvision") if one.verdict == CITED]
    assert [(one.item, one.printed) for one in cited] == [
        ("ResNet50, IMAGENET1K_V1", "76.13 / 92.862 %"),
        ("ResNet50, IMAGENET1K_V2", "80.858 / 95.434 %"),
    ]


def test_a_family_is_asked_for_as_a_whole_and_a_preset_alone():
    assert {one.model for one in verify(["vgg16"])} == {"vgg16"}
    assert {"vgg11", "vgg16", "vgg19_bn"} <= {one.model for one in verify(["vgg"])}
    assert verify(["vgg16", "alexnet"]) == verify(["alexnet", "vgg16"])


def test_the_published_folder_holds_no_specs():
    assert not [path for path in files() if "published" in path]


def test_claims_may_name_a_spec_by_its_path(tmp_path):
    spec = tmp_path / "mine.yaml"
    spec.write_text("convcost: 1\nname: mine\ninput: [8, 8, 3]\nlayers: [{conv2d: {channels: 4, kernel: 1}}]\n")
    table = tmp_path / "mine.csv"
    table.write_text(f"model,quantity,printed\n{spec},macs,768\n", encoding="utf-8")  # 8 · 8 · 3 · 4
    assert [one.verdict for one in verify(data=str(table))] == [REPRODUCED]
    assert [one.model for one in verify([str(spec)], data=str(table))] == [str(spec)]
    assert len(read_claims(str(table))) == 1
