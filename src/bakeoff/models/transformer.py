"""The Transformer of arXiv 1706.03762 from patches to findings (seed D0:643-787).

44,140,544 weights at its base size, and around it the patch embedding, the token embedding and the head.
"""

import math
from typing import Literal, cast

import torch
from torch import Tensor, nn

from bakeoff.models.attention import SelfAttention
from bakeoff.models.cross_attention import CrossAttention
from bakeoff.models.findings_decoder import EmitsFindings
from bakeoff.models.fit import patches_and_heads
from bakeoff.models.patches import PatchEmbedding, patch_grid
from bakeoff.models.registry import Task, model
from bakeoff.models.transformer_layers import DecoderLayer, EncoderLayer


class Transformer(nn.Module):
    """Stacks of layers, a LayerNorm after each stack, as in torch.nn.Transformer."""

    def __init__(
        self,
        width: int,
        heads: int,
        hidden: int,
        *,
        encoder_depth: int,
        decoder_depth: int,
        norm_first: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.encoder = nn.ModuleList(
            EncoderLayer(width, heads, hidden, norm_first=norm_first, dropout=dropout)
            for _ in range(encoder_depth)
        )
        self.decoder = nn.ModuleList(
            DecoderLayer(width, heads, hidden, norm_first=norm_first, dropout=dropout)
            for _ in range(decoder_depth)
        )
        self.encoder_norm = nn.LayerNorm(width)
        self.decoder_norm = nn.LayerNorm(width)
        self.reset_parameters()

    def encode(self, x: Tensor) -> Tensor:
        """Embedded patches (B, N, D) to the memory (B, N, D)."""
        for layer in self.encoder:
            x = layer(x)
        memory: Tensor = self.encoder_norm(x)
        return memory

    def decode(self, x: Tensor, memory: Tensor) -> Tensor:
        """Embedded tokens (B, M, D) to what predicts the next ones (B, M, D), with a memory (B, N, D)."""
        for layer in self.decoder:
            x = layer(x, memory)
        decoded: Tensor = self.decoder_norm(x)
        return decoded

    def reset_parameters(self) -> None:
        """Xavier-uniform matrices, attention's biases zero, as the paper's code starts.

        Queries, keys and values are matrices of their own, though the encoder stores the three as one.
        """
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
        for module in self.modules():
            if isinstance(module, SelfAttention):
                for matrix in module.qkv.weight.chunk(3):
                    nn.init.xavier_uniform_(matrix)
            if isinstance(module, SelfAttention | CrossAttention):
                for layer in module.children():
                    if isinstance(layer, nn.Linear):
                        nn.init.zeros_(layer.bias)

    def walk(self, x: Tensor) -> list[Tensor]:
        """What goes into each layer of the encoder, x (B, N, D) first."""
        inputs = [x]
        for layer in self.encoder[:-1]:
            inputs.append(layer(inputs[-1]))
        return inputs


class FindingsTransformer(EmitsFindings):
    """Images (B, C, H, W) -> findings, one token after the other."""

    def __init__(
        self,
        task: Task,
        transformer: Transformer,
        *,
        width: int,
        patch: int,
        stride: int | None,
        dropout: float,
    ) -> None:
        super().__init__(task)
        self.grid = patch_grid(task.size, task.size, patch, stride)
        self.patches = PatchEmbedding(task.channels, width, patch, stride)
        self.token = nn.Embedding(self.vocabulary.size, width)
        self.transformer = transformer
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, self.vocabulary.size)
        nn.init.normal_(self.token.weight, std=width**-0.5)  # times sqrt(D) below: of size one

    def encode(self, images: Tensor) -> Tensor:
        """The memory (B, N, D) of images (B, C, H, W)."""
        return self.transformer.encode(self._embed_patches(images))

    def decode(self, memory: Tensor, tokens: Tensor) -> Tensor:
        """Logits (B, M, V) of what follows each of the tokens (B, M)."""
        decoded = self.transformer.decode(self._embed_tokens(tokens), memory)
        logits: Tensor = self.head(decoded)
        return logits

    def decode_aligned(self, memory: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, M, V), and weights (B, M, N): the last layer's over the memory, mean of its heads."""
        x = self._embed_tokens(tokens)
        for layer in self.transformer.decoder[:-1]:
            x = layer(x, memory)
        last = cast(DecoderLayer, self.transformer.decoder[-1])
        weights = last.memory_weights(x, memory).mean(dim=1)
        return self.head(self.transformer.decoder_norm(last(x, memory))), weights

    def attention_maps(self, images: Tensor) -> list[Tensor]:
        """The self-attention of every layer of the encoder, (B, heads, N, N) each."""
        inputs = self.transformer.walk(self._embed_patches(images))
        return [
            cast(EncoderLayer, layer).attention_weights(x)
            for layer, x in zip(self.transformer.encoder, inputs, strict=True)
        ]

    def _embed_patches(self, images: Tensor) -> Tensor:
        return self._with_positions(self.patches(images))

    def _embed_tokens(self, tokens: Tensor) -> Tensor:
        return self._with_positions(self.token(tokens) * self.token.embedding_dim**0.5)

    def _with_positions(self, x: Tensor) -> Tensor:
        _, n, d = x.shape
        placed: Tensor = self.dropout(x + sinusoids(n, d, x.device).to(x.dtype))
        return placed


def sinusoids(length: int, width: int, device: torch.device | None = None) -> Tensor:
    """Fixed positions (length, width), section 3.5 of the paper.

    PE(pos, 2i) = sin(pos / 10000^(2i / D)),   PE(pos, 2i + 1) = cos(pos / 10000^(2i / D))
    """
    rates = torch.exp(
        torch.arange(0, width, 2, device=device, dtype=torch.float32) * (-math.log(10_000) / width)
    )
    angles = torch.arange(length, device=device, dtype=torch.float32)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)[:, :width]


@model(
    "transformer",
    reference="arXiv 1706.03762",
    source="D0:643-787",
    fits=patches_and_heads,
    objective="findings",
)
def transformer(
    task: Task,
    *,
    patch: int = 16,
    stride: int | None = None,
    width: int = 512,
    heads: int = 8,
    hidden: int = 2048,
    encoder_depth: int = 6,
    decoder_depth: int = 6,
    norm: Literal["post", "pre"] = "post",
    dropout: float = 0.1,
) -> nn.Module:
    """The encoder reads the patches, the decoder emits the image's findings; `norm: post` wants warm-up."""
    inner = Transformer(
        width,
        heads,
        hidden,
        encoder_depth=encoder_depth,
        decoder_depth=decoder_depth,
        norm_first=norm == "pre",
        dropout=dropout,
    )
    return FindingsTransformer(
        task, inner, width=width, patch=patch, stride=stride, dropout=dropout
    )
