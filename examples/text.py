"""The text that ships with Python, and a small transformer that reads it byte by byte."""

from __future__ import annotations

from pydoc_data.topics import topics
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

HEAD_SIZE = 32


class Text(NamedTuple):
    """Bytes to train on and bytes to validate with, each of shape (bytes,)."""

    training: Tensor
    validation: Tensor


def load() -> Text:
    """The topics of Python's help, nine tenths of them to train on; the text differs between Python versions."""
    text = "\n".join(topics[name] for name in sorted(topics))
    data = torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8).long()
    cut = len(data) * 9 // 10
    return Text(data[:cut], data[cut:])


class Transformer(nn.Module):
    """A transformer that predicts the next byte, with the norms before the layers (GPT-2, 2019).

    Args:
        context: The most bytes that it reads.
        layers: Blocks of attention and a feed-forward net.
        width: Numbers per byte, a multiple of 32.
    """

    def __init__(self, context: int, layers: int, width: int) -> None:
        super().__init__()
        self.bytes = nn.Embedding(256, width)
        self.positions = nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 256, bias=False)
        for embedding in (self.bytes, self.positions):
            nn.init.normal_(embedding.weight, std=0.02)

    def forward(self, data: Tensor) -> Tensor:
        """Logits of shape (pieces, bytes, 256) for the bytes that follow `data`."""
        hidden = self.bytes(data) + self.positions(torch.arange(data.shape[1], device=data.device))
        logits: Tensor = self.head(self.norm(self.blocks(hidden)))
        return logits


class Block(nn.Module):
    """Attention to what came before, then a feed-forward net, each added to its input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention_in = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, hidden: Tensor) -> Tensor:
        """Shape (pieces, bytes, width), as `hidden`."""
        split = self.attention_in(self.attention_norm(hidden)).unflatten(2, (3, -1, HEAD_SIZE))
        query, key, value = split.permute(2, 0, 3, 1, 4)
        mixed = scaled_dot_product_attention(query, key, value, is_causal=True)
        hidden = hidden + self.attention_out(mixed.transpose(1, 2).flatten(2))
        added: Tensor = hidden + self.feed_forward(hidden)
        return added


def random_pieces(data: Tensor, count: int, length: int) -> Tensor:
    """`count` pieces of shape (count, length), from anywhere in `data`."""
    starts = torch.randint(len(data) - length + 1, (count, 1))
    return data[starts + torch.arange(length)]


def loss(model: nn.Module, pieces: Tensor) -> Tensor:
    """Mean cross entropy of each byte after the first, in nats per byte."""
    return cross_entropy(model(pieces[:, :-1]).flatten(0, 1), pieces[:, 1:].flatten())


@torch.no_grad()
def evaluate(model: nn.Module, data: Tensor, context: int, pieces: int = 64) -> float:
    """The loss over pieces that are spread evenly over `data`."""
    starts = torch.linspace(0, len(data) - context - 1, pieces).long()
    pieces_of_text = data[starts[:, None] + torch.arange(context + 1)]
    return loss(model, pieces_of_text.to(next(model.parameters()).device)).item()
