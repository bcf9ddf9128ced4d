"""What `weights` names: each kind, and what is refused before anything runs."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
from safetensors.numpy import save_file

from bakeoff.config import digest
from bakeoff.config.experiment import Experiment, Variant
from bakeoff.errors import ConfigError
from bakeoff.models import timm_names
from bakeoff.weights.source import require_files
from tests.config.test_experiment import parse


def variant(**spec: Any) -> Variant:
    return parse(variants={"v": spec}).variant("v")


def named(name: str) -> dict[str, str]:
    """The header of a file that `bakeoff weights` made."""
    return {"bakeoff": json.dumps({"name": name})}


def run_digest(experiment: Experiment, name: str = "v") -> str:
    return digest.run_digest(experiment.run(name, 0), experiment.data)


@pytest.mark.parametrize(
    "spec",
    [
        {"model": "timm/resnet18", "weights": "timm/resnet18.a1_in1k"},
        {"model": "timm/resnet18", "weights": "a1_in1k"},
        {"model": "timm/resnet18", "pretrained": True},
        {"model": "timm/resnet18.a1_in1k", "pretrained": True},
        {"model": "msht", "weights": "timm/resnet18.a1_in1k"},
    ],
)
def test_published_weights_are_spelled_out_and_kept_under_their_tag(spec: dict[str, Any]) -> None:
    weights = variant(**spec).weights
    assert weights is not None and weights.kind == "timm"
    assert weights.file == Path("data/weights/resnet18.a1_in1k.safetensors")
    assert variant(**spec).options["weights"] == "timm/resnet18.a1_in1k"


def test_published_weights_are_kept_where_the_configuration_says() -> None:
    spec = {"v": {"model": "timm/resnet18", "pretrained": True}}
    weights = parse(variants=spec, weights_folder="/scratch/w").variant("v").weights
    assert weights is not None
    assert weights.file == Path("/scratch/w/resnet18.a1_in1k.safetensors")


def test_a_file_is_relative_to_the_working_directory_and_may_be_in_a_folder_called_timm() -> None:
    for name in ("w/best.safetensors", "timm/resnet18.pth"):
        for model in ("vit_b16", "timm/resnet18", "timm/resnet18.a1_in1k"):
            weights = variant(model=model, weights=name).weights
            assert weights is not None
            assert (weights.kind, weights.file) == ("file", Path(name))


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"model": "vit_b16", "weights": "a1_in1k"}, r"'a1_in1k' is neither a file \(.safetensors"),
        ({"model": "vit_b16", "weights": "timm/resnet18"}, r"needs a tag.*resnet18\.a1_in1k, "),
        ({"model": "vit_b16", "weights": "timm/resnet18.a9"}, r"no tag 'a9'; there are timm/resne"),
        ({"model": "vit_b16", "weights": "timm/resnt18.a1"}, r"Did you mean timm/resnet18"),
        ({"model": "timm/resnet18", "weights": "a9"}, r"timm has no tag 'a9'"),
        ({"model": "timm/resnet18", "weights": "a1_in1k", "pretrained": True}, "both name weights"),
        ({"model": "timm/resnet18", "pretrained": "yes!"}, "expected true or false, found 'yes!'"),
        ({"model": "timm/resnet18.a1_in1k"}, r"would not load them; add 'pretrained: true'"),
        (
            {"model": "timm/vit_giant_patch14_224", "pretrained": True},
            "name one with 'weights: <tag>'",
        ),
        ({"model": "vit_b16", "pretrained": True}, "variants.v.pretrained: unknown key"),
        (
            {"model": "vit_b16", "weights": 3},
            "weights: Input should be a valid string, found the number 3",
        ),
    ],
)
def test_what_names_no_weights_is_refused(spec: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        variant(**spec)


def test_a_file_counts_by_its_content_and_only_for_its_variants(tmp_path: Path) -> None:
    file, moved = tmp_path / "w.pth", tmp_path / "elsewhere.pth"
    file.write_bytes(b"one")
    variants = {"v": {"model": "vit_b16", "weights": str(file)}, "other": {"model": "vit_b16"}}
    experiment = parse(variants=variants)
    before = run_digest(experiment), run_digest(experiment, "other")
    file.write_bytes(b"two")
    assert run_digest(experiment) != before[0]
    assert run_digest(experiment, "other") == before[1]
    moved.write_bytes(b"one")
    variants["v"]["weights"] = str(moved)
    assert run_digest(parse(variants=variants)) == before[0]


def test_published_weights_count_by_name_when_planned_and_by_content_when_trained(
    tmp_path: Path,
) -> None:
    spec = {"model": "timm/resnet18", "weights": "a1_in1k"}
    experiment = parse(variants={"v": spec}, weights_folder=str(tmp_path))
    planned = run_digest(experiment)
    other = parse(variants={"v": {**spec, "weights": "a2_in1k"}})
    assert run_digest(other) != planned
    weights = experiment.variant("v").weights
    assert weights is not None
    with pytest.raises(ConfigError, match=r"a1_in1k\.safetensors: No such file.*`bakeoff weights`"):
        digest.trained_digest(planned, "images", weights=weights)
    trained = []
    for value in (1, 2):
        save_file({"a": np.full(3, value)}, weights.file, named("timm/resnet18.a1_in1k"))
        trained.append(digest.trained_digest(planned, "images", weights=weights))
    assert len({*trained, digest.trained_digest(planned, "images")}) == 3


def test_a_file_that_is_not_what_the_weights_stage_made_is_refused(tmp_path: Path) -> None:
    spec = {"model": "timm/resnet18", "weights": "a1_in1k"}
    weights = parse(variants={"v": spec}, weights_folder=str(tmp_path)).variant("v").weights
    assert weights is not None
    weights.file.write_bytes(b"as it was downloaded by hand")
    with pytest.raises(ConfigError, match=r"it is nothing, expected timm/.*Run `bakeoff weights`"):
        weights.content()
    save_file({"a": np.zeros(3)}, weights.file, named("timm/resnet18.a2_in1k"))
    with pytest.raises(
        ConfigError, match=r"it is timm/resnet18\.a2_in1k, expected timm/resnet18\.a1"
    ):
        weights.content()


def test_missing_files_are_named_with_their_variants_before_anything_runs(tmp_path: Path) -> None:
    there = tmp_path / "w.safetensors"
    save_file({"w": np.zeros(1)}, there)
    variants = {
        "a": {"model": "vit_b16", "weights": "gone.pth"},
        "b": {"model": "vit_b16", "weights": str(there)},
        "c": {"model": "timm/resnet18", "pretrained": True},
        "d": {"model": "vit_b16"},
    }
    experiment = parse(variants=variants)
    assert set(experiment.weights()) == {"a", "b", "c"}
    with pytest.raises(ConfigError, match=r"variants\.a\.weights: gone\.pth: no such file") as said:
        require_files(experiment.weights())
    assert "variants.b" not in str(said.value) and "variants.c" not in str(said.value)
    there.unlink()
    with pytest.raises(ConfigError, match=r"(?s)variants\.a.*variants\.b"):
        require_files(experiment.weights())


def test_a_file_that_is_no_weights_is_reported_with_its_variant_before_anything_runs(
    tmp_path: Path,
) -> None:
    (tmp_path / "page.pth").write_text("<!DOCTYPE html><title>Sign in</title>")
    (tmp_path / "w.ckpt").touch()
    files = {"a": tmp_path / "page.pth", "b": tmp_path / "w.ckpt", "c": tmp_path / "gone.npz"}
    variants = {name: {"model": "vit_b16", "weights": str(file)} for name, file in files.items()}
    with pytest.raises(ConfigError) as said:
        require_files(parse(variants=variants).weights())
    page, empty, missing = str(said.value).splitlines()
    assert page.startswith(f"variants.a.weights: {files['a']}: is a web page ('Sign in')")
    assert empty.startswith(f"variants.b.weights: {files['b']}: is empty.")
    assert missing.startswith(f"variants.c.weights: {files['c']}: no such file.")


def test_the_tags_that_are_read_are_timms_with_its_default_first() -> None:
    known = timm.list_pretrained()
    for architecture in ("vit_base_patch16_224", "resnet18", "poolformer_s12", "inception_v4"):
        tags = timm_names.pretrained_tags(architecture)
        assert {f"{architecture}.{tag}" for tag in tags} == {
            name for name in known if name.partition(".")[0] == architecture
        }
        default = timm.get_pretrained_cfg(architecture)
        assert default is not None and tags[0] == default.tag


def test_reading_them_loads_no_torch() -> None:
    check = (
        "import sys; from pathlib import Path; from bakeoff.weights.source import resolve; "
        "resolve('timm/resnet18.a1_in1k', Path()); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", check]).returncode == 0
