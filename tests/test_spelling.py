"""What was meant is offered; what was not meant is not."""

import pytest

from bakeoff.config.load import unknown_key
from bakeoff.config.schema import NIH_FINDINGS, Training
from bakeoff.models.suggestions import find_or_suggest, require_architecture
from bakeoff.spelling import did_you_mean, nearest


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("NEG", ["pos", "neg"], ["neg"]),
        ("POS", ["neg", "pos"], ["pos"]),
        ("Neg.", ["pos", "neg"], ["neg"]),
        ("no  finding", ["No Finding", *NIH_FINDINGS], ["No Finding"]),
        ("Pleural Thickening", ["No Finding", *NIH_FINDINGS], ["Pleural_Thickening"]),
        ("Pnuemonia", ["No Finding", *NIH_FINDINGS], ["Pneumonia"]),
        ("Negative", ["pos", "neg"], ["neg"]),
        ("Patient", ["Image Index", "Patient ID"], ["Patient ID"]),
        ("image index", ["Image Index", "image_index"], ["image_index"]),
        ("IMAGE_INDEX", ["Image Index", "Image_Index"], ["Image_Index"]),
        ("neg", ["pos", "peg"], []),
        ("NEG", ["pos", "malignant"], []),
        ("COVID-19", ["No Finding", *NIH_FINDINGS], []),
        ("", ["a"], []),
        ("?", ["-", "a"], []),
        ("0", ["1", "10"], []),
        ("Patient ID", ["Image Index;Finding Labels;Patient ID"], []),
    ],
)
def test_the_nearest_name_is_offered_or_none(name: str, known: list[str], meant: list[str]) -> None:
    assert nearest(name, known) == meant
    assert did_you_mean(name, known) == (f"Did you mean {meant[0]!r}?" if meant else "")


def test_keys_and_models_are_known_in_any_case() -> None:
    assert unknown_key("BATCHSIZE", "training", Training.model_fields) == (
        "training.BATCHSIZE: unknown key. Did you mean 'batch_size'?"
    )
    assert "Valid keys: " in unknown_key("xyzzy", "training", Training.model_fields)
    with pytest.raises(ValueError, match=r"Did you mean conv_bn\?$"):
        find_or_suggest("Conv-BN")
    with pytest.raises(ValueError, match=r"no model 'ResNet18'\. Did you mean timm/resnet18\?$"):
        require_architecture("ResNet18.a1_in1k")
    with pytest.raises(ValueError, match=r"no model 'ResNet18'\. Did you mean timm/resnet18\?$"):
        find_or_suggest("timm/ResNet18")
