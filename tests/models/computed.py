"""What models compute, as digests of every bit: run by itself on the code that PYTHONPATH names.

`python -P tests/models/computed.py MODEL...` prints JSON of each model: the digest of its code, its options
with their defaults, and per case (options, colours, outputs, files of weights) the digest of the initial
weights, the logits, the loss, the gradients and the weights after two steps. Small sizes, one thread, no GPU:
comparable on one machine with one version of torch, no further.
"""

import hashlib
import json
import logging
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from bakeoff.errors import ConfigError
from bakeoff.models import catalogue
from bakeoff.models.catalogue import find, misfit, parse_options
from bakeoff.models.registry import Expected, OwnObjective, Targets, Task, build
from bakeoff.pretraining.masked_patches import MaskedPatches

FINDINGS = ("No Finding", "Mass", "Effusion", "Nodule")
FAMILIES = {"timm/*": ("timm/test_resnet", "timm/test_vit")}
"""The models that stand for a family."""
READS = ("backbone", "blocks", "normalise")
"""Options that say how a file of weights is read."""
VIT = "bakeoff.models.vit"
SMALL = {"depth": 2, "width": 48, "heads": 4, "hidden": 24, "encoder_depth": 2, "decoder_depth": 2}
SMALLER = {
    "poolformer": {"depth": 6, "width": 16},
    "convmixer": {"width": 16, "patch": 8},
    "r50": {"base": 32},
    "msht": {"base": 8, "width": 32},
}
"""By how the name of a model begins."""
OTHER: dict[Any, tuple[Any, ...]] = {int: (4,), float: (0.2,), bool: (True, False)}


def cases(name: str) -> Iterator[tuple[str, Task, dict[str, Any]]]:
    """What a model is built with: small, then one option after the other with other values."""
    options = find(name).options
    beginning = (SMALLER[key] for key in SMALLER if name.startswith(key))
    small = {k: v for k, v in (SMALL | next(beginning, {})).items() if k in options}
    changes: list[dict[str, Any]] = [{}]
    for option, (annotation, default) in options.items():
        kinds = get_args(annotation) or (annotation,)
        values = kinds if get_origin(annotation) is Literal else ()
        for kind in kinds if not values else ():
            values = (*values, *OTHER.get(kind, ()))
        if option not in SMALL:
            changes += [{option: value} for value in values if value != default]
    for change in changes:
        chosen = parse_options(name, {**small, **change})
        sizes = (size for size in (64, 96, 128, 224) if misfit(name, size, chosen) is None)
        if size := next(sizes, None):
            yield json.dumps(change), Task(1, size, 2, FINDINGS), {**small, **change}
            if not change:
                yield "three colours, one output", Task(3, size, 1, FINDINGS), small
                yield from _other_tasks(size, small)


def _other_tasks(size: int, small: dict[str, Any]) -> Iterator[tuple[str, Task, dict[str, Any]]]:
    """One class of three, and any of four findings; nothing where the code knows of no such task."""
    if any(field.name == "scored" for field in fields(Task)):
        scores: Any
        for scores, named in (("exclusive", FINDINGS[:3]), ("independent", FINDINGS)):
            task = Task(1, size, len(named), named, negatives=0, scored=scores)
            yield f"{scores} scores", task, small


def computed(name: str) -> dict[str, str]:
    """Per case what a model computes; of the model with its own sizes, only names and shapes."""
    entry = find(name)
    with torch.device("cpu" if entry.is_family else "meta"):
        whole = build(name, Task(1, 224, 2, FINDINGS), {})
    shapes = [(key, list(tensor.shape)) for key, tensor in whole.state_dict().items()]
    found = {
        "names and shapes": _sha(
            shapes, [k for k, p in whole.named_parameters() if p.requires_grad]
        )
    }
    for case, task, options in cases(name):
        if "normalise" not in options:  # it says something of files alone
            found[case] = _trained(name, task, options)
        if "weights" in entry.options and (
            case == "{}" or any(f'"{key}"' in case for key in READS)
        ):
            found |= {f"{case}, {how}": sha for how, sha in _started(name, task, options)}
    return found


def _started(name: str, task: Task, options: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The same from files of three colours, of the model or of that in it which reads them."""
    colour = replace(task, channels=3)
    model = _built(name, colour, options, seed=1)
    stated = {"mean": "[0.1, 0.2, 0.3]", "std": "[0.4, 0.5, 0.6]"}
    expected = replace(colour, expected=Expected((0.1, 0.2, 0.3), (0.4, 0.5, 0.6)))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "weights.safetensors"
        given = {**options, "weights": str(file)}
        for part in ("", "vit", "backbone"):
            if not hasattr(model, part) and part:
                continue
            tensors = model.get_submodule(part).state_dict()
            for header in ({}, stated):
                save_file({key: tensor.clone() for key, tensor in tensors.items()}, file, header)
                case = f"from {part or 'itself'}, {', '.join(header)} stated"
                yield case, _trained(name, colour, given)
        yield "weights to come", _trained(name, expected, given)


def _trained(name: str, task: Task, options: Mapping[str, Any]) -> str:
    """All that comes out of a model before, in and after two steps, or that nothing does."""
    try:
        return _sha(*_outputs(name, task, options))
    except (ConfigError, RuntimeError) as error:
        return f"refused: {type(error).__name__}"


def _outputs(name: str, task: Task, options: Mapping[str, Any]) -> list[Any]:
    draw = torch.Generator().manual_seed(2)
    images = torch.rand(4, task.channels, task.size, task.size, generator=draw)
    targets = _targets(task)
    model = _built(name, task, options)
    trains = {key: p for key, p in model.named_parameters() if p.requires_grad}
    out: list[Any] = [model.state_dict(), dict(model.named_buffers()), list(trains)]
    optimizer = torch.optim.SGD(trains.values(), lr=0.1)
    for _ in range(2):
        out.append(_evaluated(model, images, targets))
        torch.manual_seed(3)  # of dropout, and of whatever else is drawn
        loss = _loss(model.train(), images, targets)
        optimizer.zero_grad()
        loss.backward()
        out += [loss, [p.grad for p in trains.values() if p.grad is not None]]
        optimizer.step()
    out += [_evaluated(model, images, targets), model.state_dict()]
    if find(name).module == VIT and options.get("train") != "head" and not options.get("stride"):
        torch.manual_seed(4)
        masked = MaskedPatches(model, masked=0.5, normalise_target=True, next_part=True)
        out.append(masked.objective(images, targets)[0])
    return out


def _targets(task: Task) -> Targets:
    """Four images of a task."""
    labels = torch.tensor([0, 1, 1, 0])
    findings = torch.tensor([[1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0]])
    scored = getattr(task, "scored", "positive")
    if scored == "independent":
        findings[0] = 0  # has none of them
        labels = findings
    if scored == "exclusive":
        labels = torch.tensor([0, 1, 2, 0])
        findings = F.one_hot(labels, 3)
    return Targets(labels, findings.float())


def _evaluated(model: nn.Module, images: Tensor, targets: Targets) -> list[Tensor]:
    torch.manual_seed(3)
    with torch.no_grad():
        own = model.eval().objective(images, targets) if isinstance(model, OwnObjective) else ()
        return [model.eval()(images), *own]


def _loss(model: nn.Module, images: Tensor, targets: Targets) -> Tensor:
    if isinstance(model, OwnObjective):
        return model.objective(images, targets)[0]
    logits: Tensor = model(images)
    if logits.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(logits[:, 0], targets.labels.float())
    if targets.labels.ndim == 2:
        return F.binary_cross_entropy_with_logits(logits, targets.labels.float())
    return F.cross_entropy(logits, targets.labels)


def _built(name: str, task: Task, options: Mapping[str, Any], seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build(name, task, parse_options(name, options))


def _sha(*values: Any) -> str:
    sha = hashlib.sha256()
    for value in values:
        if isinstance(value, Mapping):
            sha.update(_sha(*(part for pair in value.items() for part in pair)).encode())
        elif isinstance(value, list | tuple):
            sha.update(_sha(*value).encode())
        elif isinstance(value, Tensor):
            sha.update(f"{value.dtype} {list(value.shape)} ".encode())
            sha.update(value.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        else:
            sha.update(f"{value!r} ".encode())
    return sha.hexdigest()


def _code(name: str) -> dict[str, Any]:
    """The digest of a model's code, the one that runs have, and the options that these do not know."""
    try:
        from bakeoff.models import equivalent, source_digest
    except ImportError:  # of a commit that had no table yet
        return {"code": (old := catalogue.source_digest(name)), "trained_as": old}
    code = source_digest.digest(name)
    line = equivalent.table().get(find(name).name)
    if line is None or line.code != code:
        return {"code": code, "trained_as": code}
    return {**asdict(line), "since": line.options}


def _namings() -> list[str]:
    """How other libraries name the weights of models: no case has files of theirs."""
    from bakeoff.models import convmixer, hybrid, msht, poolformer, vit_weights

    modules = (convmixer, hybrid, msht, poolformer, vit_weights)
    return [repr(naming) for module in modules for naming in module.NAMINGS]


def main(names: list[str]) -> None:
    """Print all that there is to say of models."""
    logging.disable()
    torch.set_num_threads(1)
    torch.set_deterministic_debug_mode("error")
    told = {}
    for name in names:
        standing = FAMILIES.get(name, (name,))
        found = {f"{one}: {case}": sha for one in standing for case, sha in computed(one).items()}
        options = {key: default for key, (_, default) in find(standing[0]).options.items()}
        told[name] = {**_code(standing[0]), "options": options, "cases": found}
    print(json.dumps({"namings": _namings(), "models": told}))


if __name__ == "__main__":
    main(sys.argv[1:])
