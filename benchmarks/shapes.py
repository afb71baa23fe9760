"""Parameter shapes of well-known models, written out from their papers, with the published counts."""

from __future__ import annotations

from collections.abc import Iterator

Shape = tuple[int, ...]


def resnet50() -> Iterator[Shape]:
    """25,557,032 parameters in 161 tensors (He et al., 2015)."""
    yield from ((64, 3, 7, 7), (64,), (64,))
    width = 64
    for blocks, inner in ((3, 64), (4, 128), (6, 256), (3, 512)):
        for block in range(blocks):
            convolutions = ((inner, width, 1), (inner, inner, 3), (inner * 4, inner, 1))
            for out, into, size in convolutions:
                yield from ((out, into, size, size), (out,), (out,))
            if block == 0:
                yield from ((inner * 4, width, 1, 1), (inner * 4,), (inner * 4,))
            width = inner * 4
    yield from ((1000, 2048), (1000,))


def _block(width: int, qkv: Shape, up: Shape, down: Shape) -> Iterator[Shape]:
    """A transformer block: two norms, attention, a perceptron of four times the width; matrices as given."""
    yield from ((width,), (width,), qkv, (3 * width,), (width, width), (width,))
    yield from ((width,), (width,), up, (4 * width,), down, (width,))


def vit_b16() -> Iterator[Shape]:
    """86,567,656 parameters in 152 tensors (Dosovitskiy et al., 2020)."""
    width = 768
    yield from ((1, 1, width), (1, 197, width), (width, 3, 16, 16), (width,))
    for _ in range(12):
        yield from _block(width, (3 * width, width), (4 * width, width), (width, 4 * width))
    yield from ((width,), (width,), (1000, width), (1000,))


def gpt2(width: int = 768, layers: int = 12) -> Iterator[Shape]:
    """124,439,808 parameters in 148 tensors for the small one; its output is tied (Radford et al., 2019)."""
    yield from ((50257, width), (1024, width))
    for _ in range(layers):
        yield from _block(width, (width, 3 * width), (width, 4 * width), (4 * width, width))
    yield from ((width,), (width,))


def billion() -> Iterator[Shape]:
    """About a billion parameters: a GPT of 24 layers, 1792 wide."""
    yield from gpt2(1792, 24)


MODELS = {"ResNet-50": resnet50, "ViT-B/16": vit_b16, "GPT-2 small": gpt2}
COUNTS = {"ResNet-50": (25_557_032, 161), "ViT-B/16": (86_567_656, 152), "GPT-2 small": (124_439_808, 148)}
