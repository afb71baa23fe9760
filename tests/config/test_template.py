"""A Config written out as YAML."""

from __future__ import annotations

from omegaconf import OmegaConf

import scepter_opt
from scepter_opt.config.template import template
from scepter_opt.optimizers.official_optimizers import SGD
from tests.support import OPTIMIZERS


def test_a_registrys_template_is_yaml_that_builds() -> None:
    for name in set(OPTIMIZERS) - {"Hybrid"}:  # which has parts that only its user knows
        node = OmegaConf.create(scepter_opt.get_config_template(name))
        assert scepter_opt.check(node) == scepter_opt.check({"NAME": name})


def test_keys_can_be_left_out_and_a_class_without_config_has_its_name_alone() -> None:
    assert "MOMENTUM" not in template(SGD.Config, "SGD", "Descent.", left_out=("MOMENTUM",))
    assert template(None, "Mine", "My own.") == "# My own.\nNAME: Mine\n"
