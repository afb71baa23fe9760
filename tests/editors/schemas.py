"""What tests of schemas share: those of the package's options as validators, and files as OmegaConf reads them."""

from __future__ import annotations

import math
import sys
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema_rs import Draft7Validator, meta
from omegaconf import OmegaConf

from scepter_opt.cli.schema import shipped
from scepter_opt.components.registry import registry
from scepter_opt.editors.definitions import Definitions
from scepter_opt.editors.files import DRAFT, app_file, option_file, rules_file
from scepter_opt.editors.nesting import nested
from scepter_opt.editors.nodes import node
from scepter_opt.editors.values import Schema

ROOT = Path(__file__).parents[2]


@cache
def validator(file: str) -> Draft7Validator:
    """The validator of `app`, of a group's files, or of `node.optimizer` and `node.lr_scheduler`."""
    return made(schema(file))


def schema(file: str) -> Schema:
    """The schema of that, made anew."""
    if file.startswith("node."):
        definitions = Definitions(nested)
        reference = node(registry(file.removeprefix("node.")), definitions)
        return {"$schema": DRAFT, **reference, "definitions": definitions.schemas}
    if file == "app":
        return app_file(shipped())
    return rules_file(shipped()) if file == "param_groups" else option_file(file, shipped())


def made(schema: Schema) -> Draft7Validator:
    """The validator of a schema that is one."""
    meta.validate({"$schema": DRAFT, **schema})
    return Draft7Validator(schema)


def problems(file: str, values: Any) -> list[str]:
    """What is red, each with its key."""
    found = validator(file).iter_errors(values)
    return [f"{'.'.join(map(str, error.instance_path))}: {error.message[:300]}" for error in found]


def is_red(file: str, values: Any) -> bool:
    """Whether anything is."""
    return not validator(file).is_valid(values)


def read(path: Path) -> Any:
    """A file's values, interpolations as they are written."""
    return parse(path.read_text(encoding="utf-8"))


def parse(text: str) -> Any:
    """A text's values, with numbers as OmegaConf reads them."""
    return finite(OmegaConf.to_container(OmegaConf.create(text))) if yaml.safe_load(text) else None


def finite(values: Any) -> Any:
    """The same with the largest number for infinity, which an editor takes and JSON has not."""
    if isinstance(values, dict):
        return {key: finite(value) for key, value in values.items()}
    return sys.float_info.max if values == math.inf else values
