"""Modules as networks: each product, its parameters and its module as they are when the module runs; nothing is changed.

``running.py`` counts what runs, by hooks and PyTorch's dispatcher, and knows nothing of convcost.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.turns import in_turns

import convcost
from convcost.core.errors import UsageError
from convcost.importers.forms import WITH_OPERATORS
from convcost.importers.torch.program import read

from .counters import COUNTERS, counted, printed
from .frameworks import timm_module, torchvision_module
from .require import require
from .running import Run, run
from .turns import pairs_in_turns

pytestmark = pytest.mark.oracle
IMAGE = (1, 3, 224, 224)
CLIP = (1, 3, 16, 112, 112)
CLASSIFICATION = (
    *("alexnet", "vgg11", "vgg16_bn", "resnet18", "resnet50", "resnext50_32x4d", "wide_resnet50_2", "squeezenet1_0"),
    *("squeezenet1_1", "densenet121", "googlenet", "inception_v3", "shufflenet_v2_x0_5", "shufflenet_v2_x1_0"),
    *("mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "mnasnet0_5", "efficientnet_b0", "efficientnet_v2_s"),
    *("regnet_y_400mf", "regnet_x_400mf", "convnext_tiny", "vit_b_16", "vit_b_32", "swin_t", "swin_v2_t", "maxvit_t"),
)
SEGMENTATION = ("fcn_resnet50", "deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large")
VIDEO = ("r3d_18", "mc3_18", "r2plus1d_18", "s3d", "mvit_v2_s", "swin3d_t")
SHAPES = {"s3d": (1, 3, 16, 224, 224), "mvit_v2_s": (1, 3, 16, 224, 224)}
TIMM = (
    *("convnextv2_atto", "mobilevit_s", "ghostnet_100", "levit_128", "cait_xxs24_224", "edgenext_xx_small", "nfnet_l0"),
    *("hrnet_w18_small", "xcit_nano_12_p16_224", "res2net50_26w_4s", "gmlp_s16_224", "caformer_s18", "resnest14d"),
    *("coatnet_0_rw_224", "tnt_s_patch16_224", "davit_tiny"),
)  # fmt: skip


def products(net: Any) -> list[tuple[str, int]]:
    """The module and the MACs of each product, in order; a product of activations stands in the module that runs it."""
    found = []
    for step in net.walked.steps:
        if step.cost.macs:
            name, op = step.node.name, step.node.op
            found.append((name.rpartition(".")[0] if op == "matmul" else name, step.cost.macs))
    return found


def agree(net: Any, ran: Run, parameters: int) -> None:
    """Each product is in the same module, multiplies as often, and has the same parameters; the totals, too."""
    assert products(net) == [(each.path, each.macs) for each in ran.products]
    ours = [step.cost.weights + step.cost.biases for step in net.walked.steps if step.cost.macs]
    theirs = [each.params if each.kind != "matmul" else 0 for each in ran.products]
    assert ours == theirs
    totals = net.report().totals
    assert (totals.macs, totals.params) == (ran.macs, parameters)
    assert net.report().complete


def built(name: str) -> Any:
    options = {"aux_logits": False, "init_weights": False} if name in ("googlenet", "inception_v3") else {}
    options |= {"aux_loss": False} if name in SEGMENTATION and not name.startswith("lraspp") else {}
    return torchvision_module(name, **options)


@pytest.mark.slow
@pytest.mark.parametrize("name", in_turns([*CLASSIFICATION, *SEGMENTATION, *VIDEO], 3))
def test_networks_of_torchvision_are_what_runs(name: str):
    require("torchvision")
    module = built(name).eval()
    shape = SHAPES.get(name, CLIP if name in VIDEO else (1, 3, 299, 299) if name == "inception_v3" else IMAGE)
    agree(convcost.from_torch(module, shape), run(module, shape[1:]), _parameters(module))


@pytest.mark.slow
@pytest.mark.parametrize("name", TIMM)
def test_networks_of_timm_are_what_runs(name: str):
    require("timm")
    module = timm_module(name).eval()
    shape = (1, *module.default_cfg["input_size"])
    agree(convcost.from_torch(module, shape), run(module, shape[1:]), _parameters(module))


def _parameters(module: Any) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


# ---- a module is not changed -----------------------------------------------------------------------------------------


def watched() -> tuple[Any, list[Any]]:
    """A module in training, with hooks of its user, a plain tensor, frozen and tied parameters; and what the hooks saw."""
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.bn, self.drop = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Dropout(0.5)
            self.head, self.tied = nn.Linear(8, 8), nn.Linear(8, 8)
            self.tied.weight = self.head.weight
            self.mean = torch.tensor([0.5])
            self.calls = 0
            self.kept: Any = None
            self.conv.weight.requires_grad_(False)

        def forward(self, x: Any) -> Any:
            self.calls += 1
            x = self.drop(self.bn(self.conv(x - self.mean))).mean((2, 3))
            self.kept = x
            return self.tied(self.head(x))

    net, seen = Net().train(), []
    net.conv.register_forward_hook(lambda *_: seen.append("forward"))
    net.bn.register_forward_pre_hook(lambda *_: seen.append("before"))
    net.bn.eval()
    return net, seen


def state(net: Any) -> Any:
    """All that could be changed about a module: tensors by identity and value, hooks, modes, attributes."""
    tensors = {name: (id(each), each.clone(), each._version, each.device, each.requires_grad) for name, each in
               [*net.named_parameters(remove_duplicate=False), *net.named_buffers()]}  # fmt: skip
    modules = {
        name: (id(each), each.training, list(each._forward_hooks), list(each._forward_pre_hooks), sorted(vars(each)))
        for name, each in net.named_modules()
    }
    return tensors, modules, (net.calls, net.kept, id(net.mean))


def test_a_module_is_left_as_it_was():
    require("torch")
    import torch

    net, seen = watched()
    fast = torch.backends.mha.get_fastpath_enabled()
    before = state(net)
    network = convcost.from_torch(net, (1, 3, 32, 32))
    after = state(net)
    assert seen == []
    assert before[1:] == after[1:]
    for name, (identity, value, *rest) in before[0].items():
        assert (identity, *rest) == (after[0][name][0], *after[0][name][2:])
        assert torch.equal(value, after[0][name][1])
    assert torch.backends.mha.get_fastpath_enabled() == fast
    assert torch.is_grad_enabled()
    # 3·8·9 + 8 of the convolution, 16 of the norm, 64 + 8 of the first linear layer, and 8 of the one that shares its matrix
    assert network.report().totals.params == 224 + 16 + 72 + 8
    assert read(net, (1, 3, 32, 32)).notes == ("2 hooks of the module were not run",)


def test_a_module_on_no_device_and_one_of_half_precision_are_read():
    require("torch")
    import torch
    from torch import nn

    with torch.device("meta"):
        nowhere = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
    half = nn.Conv2d(3, 8, 3).half()
    assert convcost.from_torch(nowhere, (1, 3, 8, 8)).report().totals.macs == 36 * 8 * 27
    assert convcost.from_torch(half, (1, 3, 8, 8)).report().totals.weight_bytes == 2 * (8 * 27 + 8)


# ---- modules by hand -------------------------------------------------------------------------------------------------


def modules() -> dict[str, tuple[Callable[[], Any], Any, dict[str, Any], int, int]]:
    """Name -> how it is built, shapes, options, and its MACs and parameters by hand."""
    from torch import nn

    def attention() -> Any:
        return nn.MultiheadAttention(64, 4, batch_first=True)

    def language() -> Any:
        table, read = nn.Embedding(50, 32), nn.Linear(32, 50, bias=False)
        read.weight = table.weight
        return nn.Sequential(table, nn.LayerNorm(32), read)

    def normalised() -> Any:
        return nn.utils.parametrizations.weight_norm(nn.Conv1d(8, 16, 3))

    return {
        # in and out projections, and two products of 4 heads: 20·64·192 + 20·64·64 + 2·4·20·20·16
        "attention": (attention, {"query": (1, 20, 64), "key": (1, 20, 64), "value": (1, 20, 64)}, {},
                      20 * 64 * 256 + 2 * 4 * 400 * 16, 4 * 64 * 65),
        # two layers in two directions: 30·2·4·24·(16 + 24), then inputs of 48; two biases each
        "lstm": (lambda: nn.LSTM(16, 24, 2, bidirectional=True), (30, 1, 16), {},
                 30 * 2 * 96 * (40 + 72), 2 * 96 * (40 + 2 + 72 + 2)),
        # the state is 8 combinations of 24 channels
        "projected": (lambda: nn.LSTM(16, 24, proj_size=8, batch_first=True), (1, 30, 16), {},
                      30 * (96 * 24 + 24 * 8), 96 * (24 + 2) + 24 * 8),
        "gru": (lambda: nn.GRU(16, 24, batch_first=True), (1, 30, 16), {}, 30 * 72 * 40, 72 * 42),
        "cell": (lambda: nn.LSTMCell(16, 24), (1, 16), {}, 96 * 40, 96 * 42),
        # one table for reading and writing words
        "language": (language, (1, 12), {"dtypes": "int64"}, 12 * 32 * 50, 50 * 32 + 64),
        # a direction for each weight, a length for each filter, a bias
        "weight_norm": (normalised, (1, 8, 100), {}, 98 * 16 * 24, 16 * 24 + 16 + 16),
        "transposed": (lambda: nn.ConvTranspose2d(16, 8, 4, 2, 1, groups=2), (1, 16, 7, 7), {}, 49 * 16 * 16 * 4, 16 * 4 * 16 + 8),
        "same": (lambda: nn.Conv2d(3, 8, 4, padding="same", dilation=2), (1, 3, 20, 20), {}, 400 * 8 * 48, 8 * 49),
        "volume": (lambda: nn.Conv3d(4, 8, 3, stride=2), (1, 4, 9, 9, 9), {}, 64 * 8 * 108, 8 * 109),
        # one linear layer 8 -> 3·6, and three products of 6
        "bilinear": (lambda: nn.Bilinear(8, 6, 3), [(1, 8), (1, 6)], {}, 8 * 18 + 18, 3 * 48 + 3),
        "instance_norm": (lambda: nn.InstanceNorm2d(8, affine=True), (1, 8, 5, 5), {}, 0, 16),
        "prelu": (lambda: nn.PReLU(8), (1, 8, 5, 5), {}, 0, 8),
        "pixel_shuffle": (lambda: nn.Sequential(nn.PixelShuffle(2), nn.Conv2d(2, 4, 1)), (1, 8, 5, 5), {}, 100 * 8, 12),
    }  # fmt: skip


NAMES = ("attention", "lstm", "projected", "gru", "cell", "language", "weight_norm", "transposed", "same", "volume", "bilinear",
         "instance_norm", "prelu", "pixel_shuffle")  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_modules_by_hand(name: str):
    require("torch")
    build, shapes, options, macs, params = modules()[name]
    module = build()
    report = convcost.from_torch(module, shapes, **options).report()
    assert (report.totals.macs, report.totals.params) == (macs, params)
    assert report.totals.params == _parameters(module)
    assert report.complete


def functions() -> dict[str, tuple[Callable[..., Any], list[tuple[int, ...]], tuple[int, ...]]]:
    """Name -> a function without weights, the shapes it reads, and the shape that it makes without the batch."""
    import torch
    from torch.nn import functional

    def changed_in_parts(x: Any) -> Any:
        y = torch.zeros(1, 4, 8, 8)
        y[:, :2] = x[:, 2:]
        y[:, 2:].add_(x[:, :2])
        return y * 2

    def attended(x: Any) -> Any:
        return functional.scaled_dot_product_attention(x, x, x, attn_mask=torch.ones(6, 6).tril() == 0)

    return {
        "glu": (lambda x: functional.glu(x, 1), [(1, 8, 5)], (4, 5)),
        "roll": (lambda x: x.roll((1, -1), (2, 3)), [(1, 3, 5, 6)], (3, 5, 6)),
        "stack": (lambda x, y: torch.stack([x, y], 2), [(1, 3, 5), (1, 3, 5)], (3, 2, 5)),
        "repeat": (lambda x: x.repeat(1, 2, 3), [(1, 3, 5)], (6, 15)),
        "unfold": (lambda x: functional.unfold(x, 3, padding=1), [(1, 2, 5, 6)], (18, 30)),
        "fold": (lambda x: functional.fold(x, (5, 6), 3, padding=1), [(1, 18, 30)], (2, 5, 6)),
        "gather": (lambda x: x[:, :, torch.tensor([0, 2, 2])], [(1, 3, 5)], (3, 3)),
        "two indices": (lambda x: x[:, torch.tensor([0, 1]), torch.tensor([1, 2])], [(1, 3, 5)], (2,)),
        "expand": (lambda x: x.expand(4, 3, 5), [(1, 3, 5)], (4, 3, 5)),
        "split": (lambda x: x.split([1, 2], 1)[1] * x.chunk(3, 1)[0], [(1, 3, 5)], (2, 5)),
        "unbind": (lambda x: x.unbind(1)[2], [(1, 3, 5)], (5,)),
        "pad": (lambda x: functional.pad(x, (1, 2, 0, 3)), [(1, 3, 5, 6)], (3, 8, 9)),
        "crop": (lambda x: functional.pad(x, (-1, 2)), [(1, 3, 6)], (3, 7)),
        "interpolate": (lambda x: functional.interpolate(x, scale_factor=1.5), [(1, 3, 4, 6)], (3, 6, 9)),
        "resize": (lambda x: functional.interpolate(x, (7, 5), mode="bilinear"), [(1, 3, 4, 6)], (3, 7, 5)),
        "ceil": (lambda x: functional.max_pool2d(x, 2, ceil_mode=True), [(1, 3, 5, 7)], (3, 3, 4)),
        "adaptive": (lambda x: functional.adaptive_avg_pool2d(x, (2, 3)), [(1, 3, 5, 7)], (3, 2, 3)),
        "topk": (lambda x: x.topk(2, -1)[0], [(1, 3, 5)], (3, 2)),
        "variance": (lambda x: x.var(1), [(1, 3, 5)], (5,)),
        "cumsum": (lambda x: x.cumsum(1), [(1, 3, 5)], (3, 5)),
        "argmax": (lambda x: x.argmax(1), [(1, 3, 5)], (5,)),
        "cosine": (lambda x, y: torch.cosine_similarity(x, y, 1), [(1, 3, 5), (1, 3, 5)], (5,)),
        "unflatten": (lambda x: x.unflatten(1, (2, -1)).movedim(1, -1), [(1, 6, 5)], (3, 5, 2)),
        "norms": (lambda x: functional.normalize(x, dim=1).clamp(min=0).masked_fill(x > 0, 1.0), [(1, 3, 5)], (3, 5)),
        "in parts": (changed_in_parts, [(1, 4, 8, 8)], (4, 8, 8)),
        "mask": (attended, [(1, 2, 6, 4)], (2, 6, 4)),
        "flip": (lambda x: x.flip(1), [(1, 3, 5)], (3, 5)),
        "grid": (lambda x, y: functional.grid_sample(x, y, align_corners=False), [(1, 3, 5, 6), (1, 2, 4, 2)], (3, 2, 4)),
        "one hot": (lambda x: functional.one_hot(x.argmax(1), 7).float(), [(1, 3, 5)], (5, 7)),
        "where": (lambda x, y: torch.where(x > y, x, y) ** 2 + torch.addcmul(x, x, y), [(1, 3, 5), (1, 1, 5)], (3, 5)),
    }  # fmt: skip


FUNCTIONS = (
    *("glu", "roll", "stack", "repeat", "unfold", "fold", "gather", "two indices", "expand", "split", "unbind", "pad"),
    *(
        "crop",
        "interpolate",
        "resize",
        "ceil",
        "adaptive",
        "topk",
        "variance",
        "cumsum",
        "argmax",
        "cosine",
        "unflatten",
    ),
    *("norms", "in parts", "mask", "flip", "grid", "one hot", "where"),
)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_make_what_runs(name: str):
    """Elements are those of what runs, in any order of axes, and all is known."""
    require("torch")
    import torch
    from torch import nn

    function, shapes, out = functions()[name]

    class Net(nn.Module):
        def forward(self, x: Any, y: Any = None) -> Any:
            return function(x) if y is None else function(x, y)

    ran = function(*(torch.rand(shape) for shape in shapes))
    assert (out if ran.shape[0] == 1 else (ran.shape[0], *out[1:])) == tuple(
        ran.shape[1:] if ran.shape[0] == 1 else ran.shape
    )
    net = convcost.from_torch(Net(), shapes)
    assert net.report().complete
    (edge,) = net.graph.outputs
    made = {step.node.name: step.cost.out for step in net.walked.steps}
    name, _, part = edge.partition(":")
    shape = made[name][int(part or 0)]
    assert math.prod(shape) == math.prod(out)
    assert sorted(size for size in shape if size != 1) == sorted(size for size in out if size != 1)


# ---- the two readers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "swin_t", "vit_b_16"])
def test_an_archive_is_the_module(tmp_path: Path, name: str):
    """An archive that torch.export.save wrote states what the live program does."""
    require("torchvision")
    import torch

    from convcost.importers.torch import archive, program

    from .frameworks import import_torchvision

    module = getattr(import_torchvision().models, name)(weights=None).eval()
    with torch.no_grad():
        exported = torch.export.export(module, (torch.zeros(IMAGE),))
    path = tmp_path / "net.pt2"
    torch.export.save(exported, path)
    written, live, twin = archive.read(str(path)), program.read(exported), program.read(module, IMAGE)
    assert written.body.ops == live.body.ops
    for other in (live.body, twin.body):
        # A twin tells a.matmul(b) from a @ b, which a program that was written does not.
        assert [replace(each, form="") for each in written.body.ops] == [replace(each, form="") for each in other.ops]
        assert [each.attrs for each in written.body.ops] == [each.attrs for each in other.ops]
        assert (written.body.inputs, written.body.outputs) == (other.inputs, other.outputs)
        assert written.body.stated == other.stated
    assert written.body.tensors == live.body.tensors


@pytest.mark.filterwarnings("ignore")  # PyTorch's, of itself
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "vit_b_32"])
def test_a_decomposed_program_costs_the_same(name: str):
    """In PyTorch's core ops the same layers are spelled otherwise."""
    require("torchvision")
    import torch

    module = torchvision_module(name).to_empty(device="cpu").eval()
    exported = torch.export.export(module, (torch.zeros(IMAGE),))
    whole, parts = (convcost.from_torch(each) for each in (exported, exported.run_decompositions()))
    assert products(whole) == products(parts)
    assert whole.report().totals.params == parts.report().totals.params
    assert parts.report().complete


def test_open_sizes_are_asked_for_and_computed_with(tmp_path: Path):
    require("torch")
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3, padding=1)

        def forward(self, x: Any) -> Any:
            y = self.conv(x)
            return y.reshape(y.shape[0], 8, y.shape[2] * y.shape[3]).transpose(1, 2)

    sizes = {0: torch.export.Dim("batch"), 2: torch.export.Dim("h", min=4), 3: torch.export.Dim("w", min=4)}
    exported = torch.export.export(Net(), (torch.zeros(2, 3, 20, 24),), dynamic_shapes=(sizes,))
    path = tmp_path / "open.pt2"
    torch.export.save(exported, path)
    for height, width in ((20, 24), (32, 48)):
        net = convcost.load(str(path), input_shape=(height, width, 3))
        assert net.report().totals.macs == height * width * 8 * 27
        assert net.walked.steps[-1].cost.out[0] == (height * width, 8)


# ---- what is refused -------------------------------------------------------------------------------------------------


def refusals() -> dict[str, tuple[Callable[[], Any], str]]:
    import torch
    from torch import nn

    class Branches(nn.Module):
        def forward(self, x: Any) -> Any:
            return x + 1 if x.sum() > 0 else x - 1

    class Locked(nn.Linear):
        def __init__(self) -> None:
            super().__init__(3, 3)
            import threading

            self.lock = threading.Lock()

    conv = nn.Conv2d(3, 8, 3)
    return {
        "shapes": (lambda: convcost.from_torch(conv), "need the shapes of the inputs of Conv2d, as in (1, 3, 224, 224)"),
        "size": (lambda: convcost.from_torch(conv, (1, 3, 0, 8)), "a shape must be a tuple of integers >= 1, the batch first"),
        "text": (lambda: convcost.from_torch(conv, "1x3"), "shapes must be (1, 3, 224, 224), a list of such, or a mapping"),
        "no module": (lambda: convcost.from_torch(torch.relu, (1, 3)), "need an nn.Module or a torch.export.ExportedProgram"),
        "channels": (lambda: convcost.from_torch(conv, (1, 4, 8, 8)), "Conv2d: torch.export failed: RuntimeError: "),
        "tokens": (lambda: convcost.from_torch(nn.Embedding(5, 3), (1, 4)), "say the types of the inputs, as in dtypes="),
        "data": (lambda: convcost.from_torch(Branches(), (1, 4)), "what it does depends on the data; ask for the part before"),
        "lock": (lambda: convcost.from_torch(Locked(), (1, 3)), "Locked cannot be copied: TypeError: cannot pickle"),
        "lazy": (lambda: convcost.from_torch(nn.LazyLinear(3), (1, 3)), "the module has parameters without a shape"),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["shapes", "size", "text", "no module", "channels", "tokens", "data", "lock", "lazy"])
def test_what_cannot_be_read_is_said_in_one_line(name: str, capfd: Any):
    require("torch")
    call, said = refusals()[name]
    with pytest.raises(UsageError) as error:
        call()
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")


def test_a_module_that_changes_too_many_views_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A view of a view is changed: both are followed."""
    require("torch")
    from torch import nn

    from convcost.importers.torch import mutation

    class Changes(nn.Module):
        def forward(self, x: Any) -> Any:
            x = x + 1
            x[0][0].mul_(2)
            return x

    assert convcost.from_torch(Changes(), (1, 2, 4)).report().totals.params == 0
    monkeypatch.setattr(mutation, "MOST_FOLLOWED", 1)
    with pytest.raises(UsageError) as refused:
        convcost.from_torch(Changes(), (1, 2, 4))
    assert str(refused.value) == "Changes: a program may have 1 views followed that it changes"


def test_what_has_no_rule_is_unknown_and_what_is_behind_it_exact():
    require("torch")
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3)

        def forward(self, x: Any) -> Any:
            return self.conv(torch.fft.fft2(x).abs())

    report = convcost.from_torch(Net(), (1, 3, 10, 10)).report()
    assert not report.complete
    assert report.totals.macs == 64 * 8 * 27


# ---- as tools see it -------------------------------------------------------------------------------------------------

SEEN = ("resnet18", "mobilenet_v3_small", "vit_b_16", "swin_t", "convnext_tiny", "googlenet")
#: What torchprofile counts of sizes that are multiplied: four in nn.MultiheadAttention, one for the map of patches of ViT,
#: two in each block of Swin. The products of queries with a number, which it counts, too, are layers of a program.
SIZES = {"vit_b_16": 12 * 4 + 1, "swin_t": 12 * 2, "attention": 4, "attention that returns its weights": 4}


def sizes(name: str, convention: str) -> int:
    """What a tool counts that no layer of the network is."""
    return SIZES.get(name, 0) if convention == "torchprofile" else 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the tools
@pytest.mark.parametrize(("name", "convention"), pairs_in_turns(SEEN, COUNTERS, every=("mobilenet_v3_small",)))
def test_conventions_give_what_the_tools_print_for_the_module(name: str, convention: str):
    require("torchvision")
    require(COUNTERS[convention][0])
    ours = convcost.from_torch(built(name).eval(), IMAGE).report(convention)
    options = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    theirs = printed(convention, name, IMAGE[1:], **options)
    assert ours.totals.operations + sizes(name, convention) == theirs
    assert all("what was written" not in remark for remark in ours.remarks)


def written() -> dict[str, tuple[Callable[[], Any], tuple[int, ...]]]:
    """Name -> a module in which layers are written in some ways, and what it reads without the batch."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Calls(nn.Module):
        def __init__(self, call: Callable[[Any, Any], Any]) -> None:
            super().__init__()
            self.call, self.conv = call, nn.Conv2d(8, 8, 1)

        def forward(self, x: Any) -> Any:
            return self.call(self, self.conv(x))

    class Attention(nn.Module):
        def __init__(self, *, need_weights: bool) -> None:
            super().__init__()
            self.attention, self.need_weights = nn.MultiheadAttention(16, 4, batch_first=True), need_weights

        def forward(self, x: Any) -> Any:
            return self.attention(x, x, x, need_weights=self.need_weights)[0]

    class OwnConv(nn.Conv2d):
        pass

    class HeldConv(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(4, 8, 3, 3))

        def forward(self, x: Any) -> Any:
            return functional.conv2d(x, self.weight)

    calls: dict[str, Callable[[Any, Any], Any]] = {
        "relu": lambda _, x: functional.relu(x),
        "relu of torch": lambda _, x: torch.relu(x),
        "relu of the tensor": lambda _, x: x.relu(),
        "relu in place": lambda _, x: functional.relu(x, inplace=True),
        "gelu": lambda _, x: functional.gelu(x),
        "relu6": lambda _, x: functional.relu6(x),
        "softmax": lambda _, x: functional.softmax(x, -1),
        "softmax of the tensor": lambda _, x: x.softmax(-1),
        "product by an operator": lambda _, x: x @ x,
        "product": lambda _, x: x.matmul(x),
        "product of torch": lambda _, x: torch.matmul(x, x),
        "sum by an operator": lambda _, x: x + x,
        "sum in place": lambda _, x: x.clone().add_(x),
        "sum of torch": lambda _, x: torch.add(x, x),
        "sum of the tensor": lambda _, x: x.add(x),
        "product of elements": lambda _, x: torch.mul(x, x) * x,
        "pool": lambda _, x: functional.adaptive_avg_pool2d(x, (2, 3)),
        "global pool": lambda _, x: functional.adaptive_avg_pool2d(x, 1),
        "mean": lambda _, x: x.mean((2, 3)),
        "largest": lambda _, x: functional.max_pool2d(x, 2),
        "interpolation": lambda _, x: functional.interpolate(x, scale_factor=2),
        "norm": lambda _, x: functional.layer_norm(x, (6,)),
        "conv": lambda net, x: functional.conv2d(x, net.conv.weight, net.conv.bias),
    }  # fmt: skip
    found = {name: (lambda call=call: nn.Sequential(Calls(call)), (8, 6, 6)) for name, call in calls.items()}
    return found | {
        "attention": (lambda: Attention(need_weights=False), (64, 16)),
        "attention that returns its weights": (lambda: Attention(need_weights=True), (64, 16)),
        "derived": (lambda: nn.Sequential(OwnConv(8, 4, 3)), (8, 6, 6)),
        "held": (lambda: nn.Sequential(HeldConv()), (8, 6, 6)),
        "pooled": (lambda: nn.Sequential(nn.Conv2d(8, 4, 1), nn.AdaptiveAvgPool2d(1), nn.Sigmoid()), (8, 6, 6)),
    }


WRITTEN = (
    *(
        "relu",
        "relu of torch",
        "relu of the tensor",
        "relu in place",
        "gelu",
        "relu6",
        "softmax",
        "softmax of the tensor",
    ),
    *("product by an operator", "product", "product of torch", "sum by an operator", "sum in place", "sum of torch"),
    *("sum of the tensor", "product of elements", "pool", "global pool", "mean", "largest", "interpolation", "norm"),
    *("conv", "attention", "attention that returns its weights", "derived", "held", "pooled"),
)


@pytest.mark.filterwarnings("ignore")  # of the tools
@pytest.mark.parametrize("convention", COUNTERS)
@pytest.mark.parametrize("name", WRITTEN)
def test_each_way_of_writing_a_layer_counts_as_the_tools_count_it(name: str, convention: str):
    require("torch")
    require(COUNTERS[convention][0])
    build, shape = written()[name]
    ours = convcost.from_torch(build().eval(), (1, *shape)).report(convention).totals.operations
    assert ours + sizes(name, convention) == counted(convention, build().eval(), shape)


def test_methods_of_tensors_are_as_before():
    require("torch")
    import torch
    from torch import nn

    before = [getattr(torch.Tensor, name) for name in WITH_OPERATORS]
    convcost.from_torch(nn.Linear(3, 4), (1, 3))
    assert [getattr(torch.Tensor, name) for name in WITH_OPERATORS] == before
    assert not {*WITH_OPERATORS} & {*vars(torch.Tensor)}
