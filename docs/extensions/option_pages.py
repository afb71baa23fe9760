"""Pages of every option with its keys and its curve, made from the same Configs as the checks: docs/generated/."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from scepter_opt.components.registry import get_config_template
from scepter_opt.insight.catalogue import Option, options, settings_of, text_of
from scepter_opt.insight.keys import Key, Section, sections
from scepter_opt.insight.pictures import curve_panels, figure_of
from scepter_opt.insight.preview import preview
from scepter_opt.schedules.curves import CURVES

STEPS, EPOCH = 1_000, 10
FALL: dict[str, Any] = {"NAME": "PolynomialLR", "TOTAL_ITERS": 800, "POWER": 2}
RISE: dict[str, Any] = {"NAME": "LinearLR", "START_FACTOR": 0.1, "TOTAL_ITERS": 200}
NEEDED: dict[str, dict[str, Any]] = {
    "StepLR": {"STEP_SIZE": 300},
    "MultiStepLR": {"MILESTONES": [500, 800]},
    "ConstantLR": {"TOTAL_ITERS": 200},
    "LinearLR": {"TOTAL_ITERS": 200},
    "ExponentialLR": {"GAMMA": 0.997},
    "CosineAnnealingWarmRestarts": {"T_0": 250},
    "CyclicLR": {"BASE_LR": 0.1, "MAX_LR": 1.0, "CYCLE_MOMENTUM": False},
    "OneCycleLR": {"MAX_LR": 1.0, "CYCLE_MOMENTUM": False},
    "SequentialLR": {"SCHEDULERS": {"warmup": RISE, "decay": FALL}, "MILESTONES": [200]},
    "ChainedScheduler": {"SCHEDULERS": {"warmup": RISE, "decay": FALL}},
    "StepAnnealingLR": {"WARMUP_STEPS": 100},
    "WarmupToConstantLR": {"WARMUP_STEPS": 100},
    "PhasesLR": {"PHASES": {"warmup": {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": "5%"},
                            "decay": {"CURVE": "cosine", "TO": 0.1}}},
}  # fmt: skip
"""What is said of the schedulers that are drawn, beside their defaults."""
UNDRAWN = {
    "LambdaLR": "Its curve is what your function says.",
    "MultiplicativeLR": "Its curve is what your function says.",
    "ReduceLROnPlateau": "Its curve is what the metric makes of it.",
}
_CURVE_KEYS: dict[str, dict[str, Any]] = {
    "cosine_restarts": {"CYCLES": 3},
    "exponential": {"TO": 0.01},
    "inverse_sqrt": {"TIMESCALE": "5%"},
    "polynomial": {"POWER": 2},
    "power": {"POWER": 1, "TIMESCALE": "5%"},
    "step": {"EVERY": "25%", "GAMMA": 0.5},
}
"""What is said of a curve that is drawn, beside where it goes."""


def write_pages(folder: Path) -> list[Path]:
    """Write all pages and their pictures.

    Args:
        folder: Where they go; made where it is not there.

    Returns:
        The pages.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pages = {
        "optimizers": _page("Optimizers", "optimizers", folder),
        "lr_schedulers": _page("Schedulers", "schedulers", folder),
        "param_groups": _rules_page(),
        "phases": _phases_page(folder),
    }
    for name, text in pages.items():
        write(folder / f"{name}.md", text)
    return [folder / f"{name}.md" for name in pages]


def write(path: Path, text: str) -> None:
    """Write a page unless it is there as it should be: Sphinx reads anew what has another date."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _page(title: str, kind: str, folder: Path) -> str:
    found = options(kind)
    keys = {option.name: sections(option.choice)[0].keys for option in found}
    common = [key for key in keys[found[0].name] if all(key in others for others in keys.values())]
    lines = [f"# {title}", "", f"## Keys of all {kind}", "", *_table(common)]
    for option in found:
        lines += ["", f"## {option.name}", "", f"`{option.choice}`, `NAME: {option.of}`. {option.summary}", ""]
        own = [key for key in keys[option.name] if key not in common]
        lines += _table(own) if own else ["It has no keys of its own."]
        lines += ["", *_curve(option, folder)] if kind == "schedulers" else []
        lines += ["", "As YAML:", "", "```yaml", _yaml(option), "```"]
    return "\n".join(lines) + "\n"


def _yaml(option: Option) -> str:
    return (get_config_template(option.of) if option.sort == "class" else text_of(option.group, option.name)).rstrip()


def _table(keys: Sequence[Key]) -> list[str]:
    if not keys:
        return []
    torchs = any(key.keyword for key in keys)
    rows = [["key", "value", "default", *(["torch"] if torchs else []), "what it is"]]
    rows.append(["---"] * len(rows[0]))
    for key in keys:
        default = "required" if key.required else f"`{_flow(key.value)}`" if key.type != "curve" else ""
        rows.append([f"`{key.name}`", key.type, default, *([_code(key.keyword)] if torchs else []), key.documentation])
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _flow(value: Any) -> str:
    text: str = yaml.safe_dump([value], default_flow_style=True, width=10_000, sort_keys=False)
    return text.strip()[1:-1]


def _curve(option: Option, folder: Path) -> Iterator[str]:
    """The picture of a scheduler."""
    if option.of in UNDRAWN:
        yield UNDRAWN[option.of]
        return
    if option.sort == "path":
        yield "Its curve is what the class says."
        return
    said = settings_of(option.group, option.name) if option.sort == "recipe" else {}
    node = {"NAME": option.of, **({} if said.get("PHASES") else NEEDED.get(option.of, {})), **said}
    yield _drawn(node, folder / f"curve_{option.name}.svg", f"The factor of {option.name} over {STEPS:,} steps")
    if option.of in NEEDED and not said:
        shown = ", ".join(f"`{key}: {_flow(value)}`" for key, value in NEEDED[option.of].items())
        yield ""
        yield f"Drawn with {shown}."


def _drawn(node: Mapping[str, Any], path: Path, what: str) -> str:
    figure = figure_of(curve_panels({"": preview(dict(node), STEPS, steps_per_epoch=EPOCH)}, "step"))
    figure.set_size_inches(7, 2.2 * len(figure.axes))
    figure.axes[0].set_ylabel("factor")
    figure.savefig(path, metadata={"Date": None})
    return f"![{what}]({path.name})"


def _section(section: Section) -> list[str]:
    return ["", f"## {section.title}", "", *_table(section.keys)]


def _rules_page() -> str:
    lines = ["# Rules and presets"]
    for topic in ("param_groups", "lr_scaling"):
        lines += [line for section in sections(topic) for line in _section(section)]
    for option in options("param-groups"):
        lines += ["", f"## {option.name}", "", f"`{option.choice}`. {option.summary}", ""]
        lines += ["```yaml", text_of(option.group, option.name).rstrip(), "```"]
    return "\n".join(lines) + "\n"


def _phases_page(folder: Path) -> str:
    keys, curves = sections("phase")
    lines = ["# Phases and curves", *_section(keys), *_section(curves)]
    for name, curve in CURVES.items():
        phase = {"CURVE": name, **({"TO": 0.1} if curve.to == "required" else {}), **_CURVE_KEYS.get(name, {})}
        node = {"NAME": "PhasesLR", "PHASES": {"curve": phase}}
        lines += ["", f"### {name}", "", f"`{_flow(phase)}`", ""]
        lines.append(_drawn(node, folder / f"phase_{name}.svg", f"A phase of {name} over {STEPS:,} steps"))
    lines += [line for section in sections("finish") for line in _section(section)]
    return "\n".join(lines) + "\n"


def setup(app: Any) -> dict[str, Any]:
    """What Sphinx calls: the pages are there before it looks for pages."""
    app.connect("builder-inited", lambda app: write_pages(Path(app.srcdir) / "generated"))
    return {"parallel_read_safe": True}
