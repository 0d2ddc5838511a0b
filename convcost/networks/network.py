"""A network as a caller holds it: its origin, its walked graph, and the analyses of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from convcost.conventions.catalog import convention as named_convention
from convcost.conventions.reconcile import Reconciliation, reconcile
from convcost.core.checks import check_batch, check_bytes, check_knobs, check_switch
from convcost.core.dims import Shape
from convcost.core.doors import public
from convcost.core.dtypes import asked_dtype, one_word
from convcost.core.reading import several
from convcost.graph.graph import Caption, Graph
from convcost.graph.rewrite import Rebuilt
from convcost.graph.typed import operands, used_dtypes
from convcost.graph.walk import Step, Walked
from convcost.networks.origin import Built, FromRewrite, Origin, label
from convcost.render.escape import printable
from convcost.results.report import Report, report, with_times
from convcost.spec.syntax import KnobValue, sides

if TYPE_CHECKING:
    from convcost.deploy.arena import Arena
    from convcost.memory.usage import Runs, Usage
    from convcost.results.patches import Patcher, Patches, PatchFront, PatchOptions
    from convcost.results.training import Training


class Network:
    """A walked graph and its origin; `load` makes one.

    Two networks are equal if they have the same label and the same graph. A network is pickled as its origin and built
    again when unpickled.
    """

    def __init__(self, origin: Origin, built: Built | None = None) -> None:
        self.origin = origin
        if built is not None:
            self.__dict__["_built"] = built

    @cached_property
    def _built(self) -> Built:
        return self.origin.build()

    @property
    def name(self) -> str:
        """Its name: in the zoo, in its spec, or as a rewrite."""
        return self.origin.name

    @property
    def caption(self) -> Caption:
        """Its title, year, source, description and task."""
        return self.origin.caption

    @property
    def task(self) -> str:
        """What it is for, as its spec says, one of `convcost.core.tasks.TASKS`; empty if it does not.

        >>> from convcost import load
        >>> load("mobilenet_v2").task, load("retinanet_resnet50_fpn").task
        ('classification', 'detection')
        """
        return self.caption.task

    @property
    def knobs(self) -> Mapping[str, KnobValue]:
        """Every knob with its value."""
        return self.origin.knobs

    @property
    def input_shapes(self) -> Mapping[str, Shape]:
        """Name -> shape of the inputs whose shapes are not what the file states; `graph.inputs` has those of all.

        >>> from convcost import load
        >>> load("mobilenet_v2", input_shape=(224, 320)).input_shapes
        {'input': (224, 320, 3)}
        """
        return self.origin.input_shapes

    @property
    def input_shape(self) -> Shape | None:
        """The only input shape that is not what the file states; None if there is none or more than one."""
        shapes = tuple(self.input_shapes.values())
        return shapes[0] if len(shapes) == 1 else None

    @property
    def label(self) -> str:
        """The name with changed knobs, as `load` takes it: `mobilenet_v2:width=0.75,resolution=192`.

        >>> from convcost import load
        >>> load("mobilenet_v2", width=0.75).label
        'mobilenet_v2:width=0.75'
        """
        return label(self.origin)

    def __repr__(self) -> str:
        return printable(f"<Network {self.label}>")

    def _repr_html_(self) -> str:
        """How a notebook shows the network: its report."""
        return self.report()._repr_html_()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Network):
            return NotImplemented
        return self is other or (self.label == other.label and self.graph == other.graph)

    def __hash__(self) -> int:
        return hash(self.label)

    def __reduce__(self) -> tuple[Any, ...]:
        return Network, (self.origin,)

    @property
    def walked(self) -> Walked:
        """The graph with the shapes and the cost of each node; raises `SpecError` if the network is invalid."""
        return self._built.walked

    @property
    def graph(self) -> Graph:
        """The network as nodes and edges, every choice made."""
        return self.walked.graph

    @property
    def steps(self) -> tuple[Step, ...]:
        """The walk of the graph: each op with its input shapes and its cost, batch 1."""
        return self.walked.steps

    @property
    def dtype(self) -> str:
        """The type that the network states for its tensors: `mixed` if there are several, `fp32` if it states none.

        >>> from convcost import load
        >>> load("mobilenet_v2").dtype
        'fp32'
        """
        return one_word(used_dtypes(self.walked))

    @property
    def rebuilt(self) -> tuple[Rebuilt, ...]:
        """The nodes that a rewrite replaced, with their replacements; empty for a network that was not rewritten."""
        return self._built.rebuilt

    @property
    def stays(self) -> Mapping[str, str]:
        """Layers that a rewrite to `deployed` could not merge, and why; empty for any other network."""
        return self._built.stays

    @property
    def changed(self) -> tuple[str, ...]:
        """The knobs whose values differ from those that the name implies.

        >>> from convcost import load
        >>> load("resnet50").changed, load("resnet50", width=2).changed
        ((), ('width',))
        """
        return self.origin.changed

    def at(self, knobs: Mapping[str, Any] | None = None, /, **more: Any) -> Network:
        """The same spec with some knobs changed, by name or in a mapping, the others as in this network.

        Raises `UsageError` for an unknown knob or an invalid value, for one that sets the input of a network with an
        input shape of its own, and for a network that was rewritten.

        >>> from convcost import load
        >>> load("mobilenet_v2", width=0.5).at(resolution=96).graph.input_shape
        (96, 96, 3)
        """
        return Network(self.origin.at(check_knobs(knobs, more)))

    def rewrite(self, to: str, layers: str = "*", *, excluded: str | Sequence[str] = ()) -> Network:
        """The network with its convolutions rebuilt: `separable`, `standard`, `grouped:G` or `deployed`.

        `deployed` merges what inference merges: a batch-norm or layer scale into the convolution before it, and branches
        that read one tensor, each linear in it, into one convolution. What cannot be merged stands in `stays`, with the
        reason.

        `layers` is a glob over layer names, `excluded` is a glob, or several, of those to leave as they are. The new network has no
        knobs: set them before. Raises `UsageError` if no matching layer can be rebuilt.

        >>> from convcost import load
        >>> load("mobilenet_v1").rewrite("standard").report().totals.macs  # the paper's Table 4: 4866 M
        4867293184
        >>> load("repvgg_a0", form="training").rewrite("deployed").report().totals.params  # mmpretrain: 8,309,384
        8309384
        """
        origin = FromRewrite(self.origin, to, layers, several(excluded))
        return Network(origin, origin.rebuilt(self._built))

    def replaces(self, knob: str) -> bool:
        """Whether a knob sets an input whose shape is not what the file states, so that it has no effect there."""
        origin = self.origin
        while isinstance(origin, FromRewrite):
            origin = origin.before
        return bool(sides(origin.of_spec().spec, knob, origin.input_shapes))

    def sweep(self, settings: Mapping[str, Any] | None = None, /, **options: Any) -> Any:
        """Every network of a grid of this network's knobs: `convcost.sweep(network, …)`.

        >>> from convcost import load
        >>> load("mobilenet_v1").sweep(width=[0.25, 1]).macs.tolist()  # the paper's Table 6: 41 M, 569 M
        [41030272, 568740352]
        """
        return public("sweep")(self, settings, **options)

    def fit(self, settings: Mapping[str, Any] | None = None, /, **options: Any) -> Any:
        """The configurations of this network's knobs that stay within a budget: `convcost.fit(network, …)`."""
        return public("fit")(self, settings, **options)

    def explain(self, layer: str | None = None, **options: Any) -> Any:
        """Where the numbers of a layer, of a part or of the totals come from: `convcost.explain(network, …)`."""
        return public("explain")(self, layer, **options)

    def diagram(self, **options: Any) -> Any:
        """The picture of its architecture: `convcost.draw(network, …)`.

        >>> from convcost import load
        >>> [box.name for box in load("lenet5").diagram().boxes]
        ['input', 'c1', 's2', 'c3', 's4', 'c5', 'f6', 'output']
        """
        return public("draw")(self, **options)

    def report(
        self,
        convention: str = "paper",
        *,
        batch: int = 1,
        dtype: str | None = None,
        memory_policy: str = "fused",
        deploy: str | bool | None = False,
        receptive: bool = False,
        device: Any = None,
    ) -> Report:
        """What the network costs, in exact integers.

        `dtype` is the type of every element; without it, tensors have the types that the network states.
        `deploy` is the type that it is deployed as, `True` for int8 and for a TFLite file as it stands: what it takes in flash
        is then said as well. `receptive` adds the receptive field of each layer, a `device` how long it takes there, as `latency` says. Raises `UsageError` for an unknown convention, dtype or policy, or a layer that cannot be deployed.

        >>> from convcost import load
        >>> load("mobilenet_v2").report().totals.macs
        300774272
        """
        made = report(
            self.walked,
            named_convention(convention),
            network=self.name,
            caption=self.caption,
            knobs=self._built.knobs,
            changed=self.changed,
            remarks=self._built.remarks,
            batch=batch,
            dtype=dtype,
            memory_policy=memory_policy,
            fields=check_switch(receptive, "receptive"),
        )
        if device is not None:
            made = with_times(made, self.latency(device, dtype=dtype, batch=batch).timed)
        if deploy is None or deploy is False:
            return made
        found = self.deployed(dtype=None if deploy is True else deploy)
        return replace(made, deployed=replace(found.size, dtype=found.deployment.dtype))

    def energy(self, table: str = "horowitz_45nm", **options: Any) -> Any:
        """What it takes in energy, after a cited table: `convcost.energy(network, table, …)`.

        >>> from convcost import load
        >>> load("resnet18").energy(dtype="int8").complete
        True
        """
        return public("energy")(self, table, **options)

    def training(self, optimizer: str = "sgd", *, batch: int = 1, dtype: str | None = None) -> Training:
        """What a training step costs: multiply-accumulates forward and backward, bytes held and moved.

        `optimizer` is sgd, momentum or adam, `dtype` the type of every tensor, fp32 without one, whatever the network states.
        Raises `UsageError` for another optimizer, and for a type without gradients.

        >>> from convcost import load
        >>> step = load("resnet18").training("adam", batch=32)
        >>> step.macs // 32, step.held.optimizer == 2 * step.held.gradients == 2 * 4 * 11_689_512
        (5324206080, True)
        """
        from convcost.memory.optimizers import trained_as
        from convcost.results.training import training

        report = self.report(batch=batch, dtype=trained_as(dtype), memory_policy="training")
        return training(self.walked, report, optimizer, dtype)

    def memory(
        self,
        policy: str = "fused",
        *,
        dtype: str | None = None,
        batch: int = 1,
        order: Runs = "given",
        parts: int = 1,
        align: int = 1,
    ) -> Usage:
        """The activation memory: live ranges, peak in bytes, and arena plans.

        `dtype` is the type of every element; without it, tensors have the types that the network states.
        `order="best"` runs the layers in the order with the lowest peak; `parts` splits the inner tensors of blocks;
        `align` is the alignment of arena offsets. Raises `UsageError` for an invalid option.

        >>> from convcost import load
        >>> usage = load("resnet50").memory("inplace", dtype="int8")
        >>> usage.peak, usage.arena.total
        (1806336, 1806336)
        """
        from convcost.memory.usage import Options, usage

        return usage(self.walked, Options(policy, dtype, order, parts, align), batch=check_batch(batch))

    def deployed(self, **options: Any) -> Any:
        """The network as a runtime has it, on a board if one is named: `convcost.deployed(network, …)`.

        >>> from convcost import load
        >>> found = load("ds_cnn_s").deployed(board="arduino_nano_33_ble")
        >>> found.arena.head, found.fits
        (16000, True)
        """
        return public("deployed")(self, **options)

    def latency(self, device: Any, *, dtype: str | None = None, batch: int = 1) -> Any:
        """How long it takes on a device, layer by layer: `convcost.latency(network, device)`.

        >>> from convcost import load
        >>> from convcost.devices.device import Roofline
        >>> slow = Roofline("slow", {"fp32": 10**9}, bandwidth=10**12)  # a MAC takes a nanosecond
        >>> load("vgg16").latency(slow).by("kind")[0].femtoseconds == 15_346_630_656 * 10**6  # its convolutions
        True
        """
        return public("latency")(self, device, dtype, batch)

    def arena(self, *, dtype: str | None = None, pointers: int = 64, kernels: str = "reference") -> Arena:
        """The arena that TensorFlow Lite Micro takes, to the byte: that of `deployed`.

        >>> from convcost import load
        >>> load("ds_cnn_s").arena().head
        16000
        """
        found: Arena = self.deployed(dtype=dtype, pointers=pointers, kernels=kernels).arena
        return found

    def patches(
        self,
        grid: Any = None,
        until: str | None = None,
        *,
        policy: str = "fused",
        dtype: str | None = None,
        limit: int | str | None = None,
        stream: bool = False,
        input_in_ram: bool = False,
        equal: bool = False,
        weights_in: str = "flash",
    ) -> Patches:
        """The network with its first layers in patches: `grid` is `"3x3"`, a number, or `"auto"`, which keeps a `limit`, in bytes or `"256KiB"`,
        with the fewest multiply-accumulates. With `stream`, rows are kept for the next ones instead.

        The patches end with `until`, the name of a stage, block or layer, or where the peak is lowest. `input_in_ram` says
        that the whole input lies in memory, `equal` that no patch is clipped at a border; weights in `"ram"` count in the
        limit. Raises `UsageError` where something
        cannot run on patches, and if none keep the limit.

        >>> from convcost import load
        >>> load("mobilenet_v2").patches("4x4", "stage3.block1", policy="mcunet", dtype="int8")
        <Patches mobilenet_v2 · 4×4 patches up to stage3.block1.project.batch_norm · peak 175,616 bytes · 328,693,616 MACs (+9.3%)>
        """
        from convcost.results.patches import PatchOptions, chosen

        bound = check_bytes(limit, "limit")
        options = PatchOptions(policy, dtype, stream, input_in_ram, equal, bound, weights_in).checked()
        return chosen(self._patcher(until, options), grid)

    def patch_front(
        self,
        until: str | None = None,
        *,
        policy: str = "fused",
        dtype: str | None = None,
        limit: int | str | None = None,
        stream: bool = False,
        input_in_ram: bool = False,
        equal: bool = False,
        weights_in: str = "flash",
    ) -> PatchFront:
        """Peak against multiply-accumulates over grids of patches and depths: those that no other surpasses.

        >>> from convcost import load
        >>> front = load("mobilenet_v2").patch_front(policy="mcunet", dtype="int8")
        >>> front.choices[0].peak, front.choices[-1].peak <= 175_616
        (1404928, True)
        """
        from convcost.results.patches import PatchOptions, front

        bound = check_bytes(limit, "limit")
        options = PatchOptions(policy, dtype, stream, input_in_ram, equal, bound, weights_in).checked()
        return front(self._patcher(until, options))

    def _patcher(self, until: str | None, options: PatchOptions) -> Patcher:
        from convcost.results.patches import Patcher

        report = self.report(dtype=options.dtype, memory_policy=options.policy)
        return Patcher(self.walked, report, options, until)

    def reconcile(self, first: str, second: str, *, batch: int = 1, dtype: str | None = None) -> Reconciliation:
        """The terms by which two conventions differ on this network; raises `UsageError` for an unknown name.

        `dtype` is the type of every element, for conventions that count bits; without it, what the network states.

        Batch-norm passes 11,113,984 elements of ResNet-50, and thop counts four operations for each:

        >>> from convcost import load
        >>> load("resnet50").reconcile("paper", "thop").terms[0].difference
        44455936
        """
        conventions = named_convention(first), named_convention(second)
        asked = asked_dtype(dtype)
        types = operands(self.walked, asked) if any(one.by_type for one in conventions) else {}
        factors = {name: one.factors for name, one in types.items()}
        return reconcile(self.name, self.steps, *conventions, check_batch(batch), factors)
