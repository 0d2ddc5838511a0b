"""What tools count in some networks and no linear function over the ledger gives, by hand."""

from __future__ import annotations

BEYOND = {
    # nn.MultiheadAttention multiplies four sizes, in 12 layers; ViT another two, of the map of patches
    ("vit_b_16", "torchprofile"): 12 * 4 + 1,
    # queries (all channels at all positions) times a number; two products of sizes in each of 12 blocks
    ("swin_t", "torchprofile"): 2 * 56 * 56 * 96 + 2 * 28 * 28 * 192 + 6 * 14 * 14 * 384 + 2 * 7 * 7 * 768 + 12 * 2,
    # the bias of 64 by 64 positions in each head times 16; three products of sizes in each block
    ("swin_v2_t", "torchprofile"): 64 * 64 * (2 * 3 + 2 * 6 + 6 * 12 + 2 * 24) + 12 * 3,
    # keys times a number, in two attentions of each of 11 blocks; a product of sizes in each
    ("maxvit_t", "torchprofile"): 2 * (2 * 56 * 56 * 64 + 2 * 28 * 28 * 128 + 5 * 14 * 14 * 256 + 2 * 7 * 7 * 512) + 22,
}


def rounded(macs: int) -> int:
    """Of a product by einsum, the two operations per multiply-accumulate, in a text with four digits.

    >>> rounded(9_834_496)
    19670000
    """
    return int(float(f"{2 * macs:.3e}"))


#: MACs of a product in MaxViT (scores of all positions by the 49 of their window) -> how many there are: two in two
#: attentions of each block
EINSUMS = {
    56 * 56 * 49 * 64: 2 * 2 * 2,
    28 * 28 * 49 * 128: 2 * 2 * 2,
    14 * 14 * 49 * 256: 5 * 2 * 2,
    7 * 7 * 49 * 512: 2 * 2 * 2,
}
BEYOND |= {
    # the convention takes products by an operator, which calflops does not see, where MaxViT has an einsum
    ("maxvit_t", "calflops"): sum(rounded(macs) * times for macs, times in EINSUMS.items()),
    ("maxvit_t", "fvcore"): sum((rounded(macs) // 2 - macs) * times for macs, times in EINSUMS.items()),
}
