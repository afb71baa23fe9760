"""The findings of an audit as HTML that needs no script: faults first, long lists of names folded."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..auditing.finding import Finding

_UNFOLDED = 10


def findings_html(findings: Sequence[Finding]) -> str:
    """The findings as a list, in their order; one line where there are none."""
    return "\n".join(map(_finding, findings)) or '<p class="good">Nothing was found.</p>'


def _finding(finding: Finding) -> str:
    kind = "fault" if finding.fault else "note"
    lines = [
        f'<article class="finding {kind}">',
        f'<h3><span class="badge">{kind}</span> {escape(finding.name)}</h3>',
        f"<p>{escape(finding.what)}</p>",
    ]
    if finding.why:
        lines.append(f'<p class="why">{escape(finding.why)}</p>')
    if finding.do:
        lines.append(f'<p class="do"><b>What to do:</b> {escape(finding.do)}</p>')
    if finding.places:
        lines.append(f'<p class="places">In {_listed(finding.places[:_UNFOLDED], len(finding.places))}</p>')
    lines += [_names(finding.names), "</article>"]
    return "\n".join(line for line in lines if line)


def _names(names: Sequence[str]) -> str:
    if len(names) <= _UNFOLDED:
        return f'<p class="names">{_listed(names, len(names))}</p>' if names else ""
    items = "".join(f"<li><code>{escape(name)}</code></li>" for name in names)
    return f"<details><summary>{len(names):,} names</summary><ul>{items}</ul></details>"


def _listed(names: Sequence[str], count: int) -> str:
    more = f" and {count - len(names):,} more" if count > len(names) else ""
    return ", ".join(f"<code>{escape(name)}</code>" for name in names) + more
