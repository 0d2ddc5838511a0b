"""Published figures: every verdict, every way an explanation fails, and that each is needed."""

from __future__ import annotations

from collections import Counter

import pytest

from convcost.core.errors import UsageError
from convcost.core.printed import Printed
from convcost.published.data import read_claims, sources
from convcost.published.figure import Figure
from convcost.published.verify import CITED, DIFFERS, REPRODUCED, UNEXPLAINED, judge, verify

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
    ("params,61,K,,cut_off,,", DIFFERS, "cut off, where other rows are rounded"),
    ("params,61.71,K,,cut_off,,", UNEXPLAINED, "it fits without cut_off, which explains nothing any more"),
    ("params,61.70,K,,cut_off,,", DIFFERS, "cut off, where other rows are rounded"),
    ("params,61.72,K,,rounded_twice,,", UNEXPLAINED, "rounded_twice gives 61.706"),
    ("macs,417.6,K,,rounded_up,,", UNEXPLAINED, "rounded_up gives 416.52"),
    ("macs,416.6,K,,rounded_up,,", DIFFERS, "rounded up"),
]


def test_the_neurons_of_alexnet_are_cut_off(verdicts):
    """The sizes of its maps, in the paper's Figure 2, and of its linear layers; the nearest 10,000 would be 660,000."""
    neurons = 55 * 55 * 96 + 27 * 27 * 256 + 2 * 13 * 13 * 384 + 13 * 13 * 256 + 2 * 4096 + 1000
    (found,) = (verdict for claim, verdict in verdicts if claim.item == "650,000 neurons")
    assert found.refound == neurons == 659_272
    assert (found.verdict, found.explanation) == (DIFFERS, "cut off, where other rows are rounded; rounded to 10000")


@pytest.mark.parametrize(
    ("cells", "verdict", "explanation"),
    [
        ("params,60,K,of another network,61.71,-1.71", DIFFERS, "of another network"),
        ("params,60,K,of another network,61.71,-1.710", DIFFERS, "of another network"),
        ("params,60,K,of another network,61.71,-1.72", UNEXPLAINED, "the data says that it differs by another amount"),
        ("params,60,K,of another network,61.71,1.71", UNEXPLAINED, "the data says that it differs by another amount"),
        ('params,"60,000",,of another network,"61,706","-1,706"', DIFFERS, "of another network"),
        (
            "params,60000,,of another network,61706,-1706×0",
            UNEXPLAINED,
            "the data says that it differs by another amount",
        ),
    ],
)
def test_how_far_a_figure_is_off_is_checked_where_it_is_stated(cells, verdict, explanation, tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text(f"model,quantity,printed,unit,because,computed,difference\nlenet5,{cells}\n", encoding="utf-8")
    (found,) = verify(data=str(table))
    assert (found.verdict, found.explanation) == (verdict, explanation)


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ('macs,"416,521",,x,416.520 k,1', "'416.520 k' is not a number, e.g. 416,520, without a unit"),
        ("macs,416.5,k,x,416.520k,1", "'416.520k' is not a number, e.g. 416,520, in k and without this unit"),
        ('macs,"416,521",,x,~416520,', "'~416520' is not a number, e.g. 416,520, without a unit"),
        ('macs,"416,521",,x,"4165,20",', "'4165,20' is not a number, e.g. 416,520, without a unit"),
        ('macs,"416,521",,x,416520.4,', "'416520.4' is not a whole number"),
        ("output_shape,11,,x,1x0,1", "'1x0' is not a shape, e.g. 28×28×480"),
    ],
)
def test_what_convcost_finds_is_stated_as_the_figure_is(cells, why, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "v.csv").write_text(
        f"model,quantity,printed,unit,because,computed,difference\nlenet5,{cells}\n", encoding="utf-8"
    )
    with pytest.raises(UsageError) as caught:
        verify(data="v.csv")
    assert str(caught.value) == f"v.csv:2: computed: {why}"


def test_the_channels_of_the_block_that_reads_a_map():
    """MobileNetV2's Table 2: 24 channels at 56×56, read by a row of 32; 56 · 56 · 32 · 2 bytes are 200.704 kB."""
    found = {(one.item, one.quantity): one for one in verify(["mobilenet_v2"], source="mobilenet_v2")}
    channels = found["MobileNetV2, 56×56", "channels_at"]
    assert (channels.computed, channels.recounted, channels.printed) == ("24", "32", "32")
    assert found["MobileNetV2, 56×56", "half_bytes_at"].refound == 200_704
    assert found["MobileNetV2, 14×14", "half_bytes_at"].refound == 14 * 14 * 160 * 2


@pytest.mark.parametrize(("cells", "verdict", "explanation"), INVENTED)
def test_verdicts(cells, verdict, explanation, tmp_path):
    table = tmp_path / "mine.csv"
    header = "model,quantity,printed,unit,rounding,counting,because,computed\n"
    table.write_text(f"{header}lenet5,{cells}\n", encoding="utf-8")
    (found,) = verify(data=str(table))
    assert (found.verdict, found.explanation) == (verdict, explanation)


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


def test_claims_may_name_a_spec_by_its_path(tmp_path):
    spec = tmp_path / "mine.yaml"
    spec.write_text("convcost: 1\nname: mine\ninput: [8, 8, 3]\nlayers: [{conv2d: {channels: 4, kernel: 1}}]\n")
    table = tmp_path / "mine.csv"
    table.write_text(f"model,quantity,printed\n{spec},macs,768\n", encoding="utf-8")  # 8 · 8 · 3 · 4
    assert [one.verdict for one in verify(data=str(table))] == [REPRODUCED]
    assert [one.model for one in verify([str(spec)], data=str(table))] == [str(spec)]
    assert len(read_claims(str(table))) == 1
