"""A Config written out as YAML and as JSON Schema."""

from __future__ import annotations

from omegaconf import OmegaConf

import scepter_opt
from scepter_opt import LR_SCHEDULERS, OPTIMIZERS
from scepter_opt.config.template import json_schema, template
from scepter_opt.optimizers.official_optimizers import SGD


def test_a_registrys_template_is_yaml_that_builds() -> None:
    for name in set(OPTIMIZERS.own_entries()) - {"Hybrid"}:  # which has parts that only its user knows
        node = OmegaConf.create(scepter_opt.get_config_template(name))
        assert scepter_opt.check(node) == scepter_opt.check({"NAME": name})


def test_json_schema_says_types_bounds_and_documentation() -> None:
    schema = OPTIMIZERS.json_schema("SGD")
    rate = schema["properties"]["LEARNING_RATE"]
    assert rate == {
        "default": 0.001,
        "description": "Step size.",
        "minimum": 0,
        "title": "Learning Rate",
        "type": "number",
    }
    assert schema["additionalProperties"] is False
    for registry in (OPTIMIZERS, LR_SCHEDULERS):
        for name in registry.own_entries():
            assert registry.json_schema(name)["properties"]["NAME"]["default"] == name


def test_keys_can_be_left_out_and_a_class_without_config_has_its_name_alone() -> None:
    assert "MOMENTUM" not in template(SGD.Config, "SGD", "Descent.", left_out=("MOMENTUM",))
    assert template(None, "Mine", "My own.") == "# My own.\nNAME: Mine\n"
    assert json_schema(None, "Mine")["properties"] == {"NAME": {"const": "Mine"}}


def test_a_nested_key_that_may_be_null_is_so_in_the_schema() -> None:
    schema = json_schema(LR_SCHEDULERS.entry("StepLR").config, "StepLR")
    assert {each["type"] for each in schema["properties"]["FINISH"]["anyOf"]} == {"object", "null"}
