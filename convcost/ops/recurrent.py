"""Recurrent layers: one step after another along the tokens of a sequence, with the same weights at each."""

from convcost.core.cost import OpCost
from convcost.core.dims import Dim, first_given, given, product
from convcost.ops.attributes import BiasCount, Flag, Positions, Size, SizeOrNone
from convcost.ops.registry import op
from convcost.ops.traits import RECURRENT


def _recurrent(
    x: Positions,
    gates: Dim,
    sums: Dim,
    channels: Size,
    bidirectional: Flag,
    biases: BiasCount,
    last: Flag,
    projection: SizeOrNone = None,
) -> OpCost:
    """Layers that differ in how many gates a channel has, and in how many of their sums and products each step takes."""
    directions = 1 + int(bidirectional)
    steps = product(x[:-1])
    state = first_given(projection, channels)
    every = {False: (x[-2],), True: ()}[last]
    weights = directions * channels * (gates * (x[-1] + state) + given(projection) * state)
    return OpCost(
        out=((*x[:-2], *every, directions * state),),
        macs=steps * weights,
        bias_adds=steps * directions * gates * channels * biases,
        weights=weights,
        biases=directions * gates * channels * biases,
        elementwise=steps * directions * channels * sums,
        saves=("inputs", "outputs"),
    )


@op("lstm", RECURRENT)
def lstm(
    x: Positions,
    *,
    channels: Size,
    bidirectional: Flag = False,
    biases: BiasCount = 2,
    last: Flag = False,
    projection: SizeOrNone = None,
) -> OpCost:
    """Carry a state and a memory cell along the sequence: long short-term memory.

    (t, c) -> (t, channels), the state after each step, or with `last` (channels,), that after the last one. With
    `bidirectional`, a second layer runs from the end to the start, and the channels are those of both, 2·channels.
    Axes before the tokens are more sequences. At each step four gates, the forget gate of Gers et al. 2000 among them,
    read the input and the state: MACs t·4·channels·(c + channels) per direction. Params per direction
    4·channels·(c + channels + biases): `biases` is 2 in PyTorch (one for the input, one for the state), 1 in Keras.
    With a `projection` the state, which is put out and read at the next step, is that many linear combinations of the
    channels: channels·projection MACs and params more, and projection in the place of the channels that are read.

    No MACs, but counted as element-wise sums and products, are 8 per channel and step: for each gate the sum of what
    input and state contribute (4), forget·cell + input·candidate (3), and output·tanh(cell) (1). Saved for training are
    inputs and outputs; the gates and cells of all steps, which frameworks also keep, are left out.

    25 columns of a text line, 512 to 256: 25·4·256·(512 + 256) MACs; 4·256·(512 + 256 + 2) params.

    >>> lstm((25, 512), channels=256).macs, lstm((25, 512), channels=256).params
    (19660800, 788480)
    >>> lstm((25, 512), channels=256, biases=1).params
    787456
    >>> lstm((4, 5), channels=6, projection=2).out, lstm((4, 5), channels=6, projection=2).macs  # 4·(4·6·(5 + 2) + 6·2)
    (((4, 2),), 720)

    Source: Hochreiter and Schmidhuber 1997 (doi:10.1162/neco.1997.9.8.1735); torch.nn.LSTM for the two biases; Sak et al.
    (arXiv 1402.1128) for the projection.
    """
    return _recurrent(x, 4, 8, channels, bidirectional, biases, last, projection)


@op("gru", RECURRENT)
def gru(
    x: Positions, *, channels: Size, bidirectional: Flag = False, biases: BiasCount = 2, last: Flag = False
) -> OpCost:
    """Carry a state along the sequence, with a reset and an update gate: gated recurrent unit.

    (t, c) -> (t, channels), or with `last` (channels,); attributes as in lstm. Three gates: MACs
    t·3·channels·(c + channels) per direction, params 3·channels·(c + channels + biases). `biases: 2` is PyTorch, and Keras
    with reset_after, `biases: 1` the paper.

    Counted as element-wise sums and products are 7 per channel and step: three sums of what input and state contribute,
    the reset (1), and (1 - update)·candidate + update·state (3). Saved for training: as for lstm.

    >>> gru((25, 512), channels=256).macs, gru((25, 512), channels=256).params  # 25·3·256·768; 3·256·770
    (14745600, 591360)

    Source: Cho et al. (arXiv 1406.1078), section 2.3; torch.nn.GRU.
    """
    return _recurrent(x, 3, 7, channels, bidirectional, biases, last)


@op("rnn", RECURRENT)
def rnn(
    x: Positions, *, channels: Size, bidirectional: Flag = False, biases: BiasCount = 2, last: Flag = False
) -> OpCost:
    """Carry a state along the sequence: a plain (Elman) recurrent layer, tanh of a matrix product at each step.

    (t, c) -> (t, channels), or with `last` (channels,); attributes as in lstm. MACs t·channels·(c + channels) per
    direction, params channels·(c + channels + biases). Counted as an element-wise sum is one per channel and step, of what
    input and state contribute. Saved for training: as for lstm.

    >>> rnn((25, 512), channels=256).macs, rnn((25, 512), channels=256).params  # 25·256·768; 256·770
    (4915200, 197120)

    Source: Elman 1990 (doi:10.1207/s15516709cog1402_1); torch.nn.RNN.
    """
    return _recurrent(x, 1, 1, channels, bidirectional, biases, last)
