"""The findings of an audit as HTML that needs no script: faults first, long lists of names folded."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Protocol

_UNFOLDED = 10


class FindingLike(Protocol):
    """What is shown of a finding."""

    @property
    def fault(self) -> bool: ...
    @property
    def name(self) -> str: ...
    @property
    def what(self) -> str: ...
    @property
    def why(self) -> str: ...
    @property
    def do(self) -> str: ...
    @property
    def names(self) -> Sequence[str]: ...
    @property
    def places(self) -> Sequence[str]: ...


class AuditLike(Protocol):
    """What is shown of an audit."""

    @property
    def summary(self) -> str: ...
    @property
    def findings(self) -> Sequence[FindingLike]: ...


def findings_html(audit: AuditLike) -> str:
    """The findings as a list; one line where there are none."""
    summary = f'<p class="note-line">{escape(audit.summary)}</p>'
    if not audit.findings:
        return f'{summary}\n<p class="good">Nothing was found.</p>'
    # sorted keeps the order within faults and within notes
    return "\n".join([summary, *map(_finding, sorted(audit.findings, key=lambda finding: not finding.fault))])


def _finding(finding: FindingLike) -> str:
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
