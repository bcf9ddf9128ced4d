"""Translations of published weights' names to names that the zoo and timm read.

models.pretrained knows timm's and torchvision's names, and those of two papers' authors. These namings are
applied before it, because its text counts in the digest of every run that may start from weights, and one
more naming is no reason to train anything again.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

Replacement = str | Callable[[re.Match[str]], str]


@dataclass(frozen=True)
class Published:
    """A library's naming of the weights of a model."""

    library: str  # with its model
    sign: str  # a name that identifies it
    # Regular expression -> replacement, applied to every name in this order.
    rules: tuple[tuple[str, Replacement], ...] = ()
    left_out: str = r"(?!)"  # names that our network does not have
    statistics: str | None = None  # which of normalisation.MEAN_AND_SPREAD its weights expect
    layout: Callable[[str, Tensor], Tensor] | None = None  # of a tensor, by its name in the file

    def translate(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors under names that the zoo or timm reads; queries, keys and values joined."""
        translated = {}
        for name, tensor in tensors.items():
            if re.search(self.left_out, name):
                continue
            if self.layout:
                tensor = self.layout(name, tensor)
            for pattern, replacement in self.rules:
                name = re.sub(pattern, replacement, name)
            translated[name] = tensor
        return _joined(translated)


def _joined(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """`attn.q`, `attn.k` and `attn.v` of a layer as one `attn.qkv`, in this order."""
    for name in [name for name in tensors if re.search(r"\.attn\.q\.(weight|bias)$", name)]:
        parts = [re.sub(r"\.q\.(\w+)$", rf".{part}.\1", name) for part in "qkv"]
        if all(part in tensors for part in parts):
            tensors[name.replace(".attn.q.", ".attn.qkv.")] = torch.cat(
                [tensors.pop(part) for part in parts]
            )
    return tensors


def _kernel(name: str, tensor: Tensor) -> Tensor:
    """JAX's layout to torch's: (H, W, in, out) and (in, out) transposed, heads (D, h, D_h) flattened."""
    if re.search(r"\b(query|key|value)\.kernel$", name):
        return tensor.flatten(1).T
    if name.endswith("out.kernel"):
        return tensor.flatten(0, 1).T
    if re.search(r"\b(query|key|value)\.bias$", name) or re.search(r"\bgn\w+\.\w+$", name):
        return tensor.flatten()
    if name.endswith("kernel"):
        return tensor.permute(3, 2, 0, 1) if tensor.dim() == 4 else tensor.T
    return tensor


AS_IT_IS = Published("own", "")
PRETRAINING = Published(
    "timm's ViT with a decoder",  # MAE, iBOT; pre_logits is what ViT's authors left out later
    "cls_token",
    left_out=r"^(mask_token$|masked_embed$|decoder_|decoder\.|pre_logits\.)",
    statistics="half",
)
TRANSFORMERS_VIT = Published(
    "transformers' ViT",
    "vit.embeddings.cls_token",
    (
        (r"^vit\.", ""),
        (r"^embeddings\.cls_token$", "cls_token"),
        (r"^embeddings\.position_embeddings$", "pos_embed"),
        (r"^embeddings\.patch_embeddings\.projection\b", "patch_embed.proj"),
        (r"^(?:encoder\.layer|layers)\.(\d+)\b", r"blocks.\1"),
        (r"\.layernorm_before\b", ".norm1"),
        (r"\.layernorm_after\b", ".norm2"),
        (r"\.attention\.output\.dense\b|\.attention\.o_proj\b", ".attn.proj"),
        (r"\.attention\.(?:attention\.)?(q|k|v)(?:uery|ey|alue|_proj)\b", r".attn.\1"),
        (r"\.intermediate\.dense\b", ".mlp.fc1"),
        (r"\.output\.dense\b", ".mlp.fc2"),
        (r"^layernorm\b", "norm"),
        (r"^classifier\b", "head"),
    ),
    left_out=r"^(vit\.)?(pooler\.|embeddings\.mask_token$)|^decoder\.",
    statistics="half",
)
TRANSFORMERS_VIT_MODEL = replace(TRANSFORMERS_VIT, sign="embeddings.cls_token")
TRANSFORMERS_RESNET = Published(
    "transformers' ResNet",
    "resnet.embedder.embedder.convolution.weight",
    (
        (r"^resnet\.", ""),
        (r"^embedder\.embedder\.convolution\b", "conv1"),
        (r"^embedder\.embedder\.normalization\b", "bn1"),
        (r"^encoder\.stages\.(\d+)\.layers\b", lambda m: f"layer{int(m[1]) + 1}"),
        (r"\.layer\.(\d)\.convolution\b", lambda m: f".conv{int(m[1]) + 1}"),
        (r"\.layer\.(\d)\.normalization\b", lambda m: f".bn{int(m[1]) + 1}"),
        (r"\.shortcut\.convolution\b", ".downsample.0"),
        (r"\.shortcut\.normalization\b", ".downsample.1"),
        (r"^classifier\.1\b", "fc"),
    ),
    statistics="imagenet",
)
TRANSFORMERS_POOLFORMER = Published(
    "transformers' PoolFormer",
    "poolformer.encoder.patch_embeddings.0.projection.weight",
    (
        (r"^poolformer\.encoder\.patch_embeddings\.0\.projection\b", "patch_embed.proj"),
        (
            r"^poolformer\.encoder\.patch_embeddings\.(\d+)\.projection\b",
            lambda m: f"network.{2 * int(m[1]) - 1}.proj",
        ),
        (r"^poolformer\.encoder\.block\.(\d+)\b", lambda m: f"network.{2 * int(m[1])}"),
        (r"\.before_norm\b", ".norm1"),
        (r"\.after_norm\b", ".norm2"),
        (r"\.output\.conv(\d)\b", r".mlp.fc\1"),
        (r"^classifier\b", "head"),
    ),
    statistics="imagenet",
)
CONVMIXER = Published(
    "the authors' ConvMixer",
    "3.0.fn.0.weight",  # one Sequential: three layers, the blocks, two without weights, the classifier
    (
        (r"^(0|2)\.(\w+)$", r"stem.\1.\2"),
        (r"^(\d+)\.(?=\d)", lambda m: f"blocks.{int(m[1]) - 3}."),
        (r"^\d+\.(weight|bias)$", r"head.\1"),
    ),
    statistics="imagenet",
)
_HEADS = r"MultiHeadDotProductAttention_\d+"
JAX_VIT = Published(
    "the authors' ViT (JAX)",
    "Transformer.encoderblock_0.LayerNorm_0.scale",
    (
        (r"\.(kernel|scale)$", ".weight"),
        (r"^cls$", "cls_token"),
        (r"^Transformer\.posembed_input\.pos_embedding$", "pos_embed"),
        (r"^embedding\.", "patch_embed.proj."),
        (r"^Transformer\.encoder_norm\.", "norm."),
        (r"^Transformer\.encoderblock_(\d+)\.", r"blocks.\1."),
        (r"\.LayerNorm_0\.", ".norm1."),
        (r"\.LayerNorm_\d\.", ".norm2."),
        (rf"\.{_HEADS}\.(q|k|v)\w+\.", r".attn.\1."),
        (rf"\.{_HEADS}\.out\.", ".attn.proj."),
        (r"\.MlpBlock_\d\.Dense_0\.", ".mlp.fc1."),
        (r"\.MlpBlock_\d\.Dense_1\.", ".mlp.fc2."),
        (r"^conv_root\.", "patch_embed.backbone.stem.conv."),
        (r"^gn_root\.", "patch_embed.backbone.stem.norm."),
        (
            r"^block(\d+)\.unit(\d+)\.",
            lambda m: f"patch_embed.backbone.stages.{int(m[1]) - 1}.blocks.{int(m[2]) - 1}.",
        ),
        (r"\.conv_proj\.", ".downsample.conv."),
        (r"\.gn_proj\.", ".downsample.norm."),
        (r"\.gn(\d)\.", r".norm\1."),
    ),
    left_out=r"^pre_logits\.",
    statistics="half",
    layout=_kernel,
)
VIT = (PRETRAINING, TRANSFORMERS_VIT, TRANSFORMERS_VIT_MODEL, JAX_VIT)
EVERY = (*VIT, TRANSFORMERS_RESNET, TRANSFORMERS_POOLFORMER, CONVMIXER)
