from __future__ import annotations

from pathlib import Path

import pytest

from tests.timm_environment import make_environment, run

MODELS = [
    "beit_base_patch16_224", "convnext_tiny", "deit3_small_patch16_224", "efficientnet_b0", "mixer_s16_224",
    "mobilenetv3_small_100", "regnety_002", "resnet50", "swin_tiny_patch4_window7_224", "vit_small_patch16_224",
]  # fmt: skip


@pytest.mark.long
def test_groups_equal_those_of_timm(tmp_path: Path) -> None:
    said = run(Path(__file__).with_name("timm_groups.py"), make_environment(tmp_path), *MODELS)
    assert list(said) == MODELS
    for name, grouped in said.items():
        for how, (ours, theirs) in grouped.items():
            assert ours.keys() == theirs.keys(), (name, how)
            assert ours == {key: pytest.approx(value) for key, value in theirs.items()}, (name, how)
