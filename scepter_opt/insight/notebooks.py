"""Curves and findings as HTML for notebooks: small, and without a script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from ..parameters.notebook import html_table
from .page_findings import findings_html
from .thinning import thinned

if TYPE_CHECKING:
    from ..auditing.finding import Finding

_WIDTH, _HEIGHT, _MARGIN = 560, 180, 8
_MOST_LINES = 12
_TICKS = 6
# mid tones, which show on light and on dark ground
_COLORS = ("#3b7ddd", "#d9622b", "#2f9e44", "#b04fc8", "#d6336c", "#1098ad", "#b08800", "#7a5ce0", "#7b8794", "#c0504d")

_AUDIT_STYLE = """
.scepter-opt-audit .finding { margin: 8px 0; padding: 4px 12px; border-left: 4px solid #c98a00; }
.scepter-opt-audit .fault { border-left-color: #d03a2f; }
.scepter-opt-audit .badge { font-variant: small-caps; }
"""


def curves_html(settings: Mapping[str, Mapping[str, Sequence[float]]], unit: str) -> str:
    """For each setting a drawing, and a table of what the values are at a few ticks.

    Args:
        settings: By what a setting is called the values of each group, one per tick.
        unit: What a tick is.
    """
    return f"<div>{''.join(_setting(name, groups, unit) for name, groups in settings.items())}</div>"


def audit_html(head: str, findings: Sequence[Finding]) -> str:
    """The findings of an audit below a line, faults with a red edge."""
    shown = f"<p>{escape(head)}</p>{findings_html(findings)}"
    return f'<div class="scepter-opt-audit"><style>{_AUDIT_STYLE}</style>{shown}</div>'


def _setting(name: str, groups: Mapping[str, Sequence[float]], unit: str) -> str:
    lines: dict[bytes, tuple[list[str], Sequence[float]]] = {}
    for group, values in groups.items():
        # groups of equal values share a line
        lines.setdefault(bytes(memoryview(values)), ([], values))[0].append(group)  # type: ignore[arg-type]  # arrays
    shown = [
        (", ".join(names[:3]) + f" and {len(names) - 3} more" * (len(names) > 3), values)
        for names, values in lines.values()
    ]
    more = f"<p>and {len(shown) - _MOST_LINES} more</p>" if len(shown) > _MOST_LINES else ""
    shown = shown[:_MOST_LINES]
    if not shown:
        return ""
    ticks = len(shown[0][1])
    last = max(ticks - 1, 0)
    at = sorted({round(i * last / (_TICKS - 1)) for i in range(_TICKS)})
    rows = [[label, *(f"{values[tick]:.6g}" for tick in at)] for label, values in shown]
    head = [name, *(f"{unit} {tick:,}" for tick in at)]
    return f"{drawing(name, shown)}{html_table(head, rows)}{more}"


def drawing(name: str, lines: Sequence[tuple[str, Sequence[float]]]) -> str:
    """Lines of one length, each with its label, and a legend."""
    least = min(0.0, *(min(values) for _, values in lines))
    greatest = max(max(values) for _, values in lines)
    drawn, legend = [], []
    for number, (label, values) in enumerate(lines):
        color = _COLORS[number % len(_COLORS)]
        points = _points(values, least, greatest - least or 1.0)
        drawn.append(f'<polyline fill="none" stroke="{color}" stroke-width="2" points="{points}"></polyline>')
        legend.append(f'<span style="color: {color}">&#9632;</span> {escape(label)}')
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img" '
        f'aria-label="{escape(name)}" style="max-width: 100%; border: 1px solid #8886">{"".join(drawn)}</svg>'
        f"<div>{' &nbsp; '.join(legend)}</div>"
    )


def _points(values: Sequence[float], least: float, span: float) -> str:
    across, up = (_WIDTH - 2 * _MARGIN) / max(len(values) - 1, 1), (_HEIGHT - 2 * _MARGIN) / span
    kept: Iterable[int] = thinned(range(len(values)), values, most=400)
    return " ".join(f"{_MARGIN + i * across:.1f},{_HEIGHT - _MARGIN - (values[i] - least) * up:.1f}" for i in kept)
