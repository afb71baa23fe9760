"""What phases say without effect, or with an effect that is easily overlooked, and phases in a few words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..errors import Problem
from .phases import Clock, Phase
from .timeline import Timeline


def remarks_on_phases(phases: Mapping[str, Phase]) -> Iterator[Problem]:
    """What phases say without effect, whatever the run; keys are relative to them."""
    for name, phase in phases.items():
        if phase.PHASES:
            yield from (remark.under(f"{name}.PHASES") for remark in remarks_on_phases(phase.PHASES))
        for key in ("LENGTH_MULT", "DECAY"):
            if phase.get("CYCLES") == 1 and phase.get(key, 1) != 1:
                yield Problem(f"{name}.{key}", "changes nothing: there is one cycle.", phase[key])
        if phase.shape == "constant" and phase.CLOCK is Clock.schedule:
            yield Problem(f"{name}.CLOCK", "changes nothing: constant has one value.", phase.CLOCK)


def remarks_on_fit(written: Mapping[str, Phase], fitted: Mapping[str, Phase]) -> Iterator[Problem]:
    """What became of lengths that were not written in ticks; keys are relative to the phases."""
    for name, phase in fitted.items():
        # 0 that was written is left out on purpose, and is not among the fitted ones
        length = written[name].LENGTH
        if phase.LENGTH == 0 and length is not None:
            message = "rounds to 0 ticks in a run of this length, and the next phase begins where this one would end."
            yield Problem(f"{name}.LENGTH", message, str(length))
        elif phase.PHASES:
            inner = remarks_on_fit(written[name].PHASES, phase.PHASES)
            yield from (remark.under(f"{name}.PHASES") for remark in inner)


def remarks_on_drops(timeline: Timeline) -> Iterator[Problem]:
    """Drops that come after their phase is over."""
    for piece in timeline.pieces:
        phase = piece.phase
        if phase.shape != "step" or piece.end is None or piece.end == piece.begin:
            continue
        length = piece.end - (0 if phase.CLOCK is Clock.schedule else piece.begin)
        key = "AT" if "AT" in phase else "EVERY"
        last = max(phase[key]) if key == "AT" else phase[key]
        if last >= length:
            message = f"the phase is over {length} ticks after what its clock counts from, and never comes to {last}."
            yield Problem(f"{piece.key}.{key}", message)


def in_words(phases: Mapping[str, Phase]) -> str:
    """Fitted phases in one line: curves, ticks, and the ends that are said."""
    return ", ".join(f"{name} {_one_in_words(phase)}" for name, phase in phases.items())


def _one_in_words(phase: Phase) -> str:
    ticks = "" if phase.LENGTH is None else f" over {phase.LENGTH} ticks"
    if phase.PHASES:
        return f"({in_words(phase.PHASES)}){ticks}"
    ends = ""
    for end, word in (("FROM", "from"), ("TO", "to")):
        if end in phase:
            ends += f" {word} {phase[end]:g}"
        elif f"{end}_VALUE" in phase:
            ends += f" {word} the value {phase[f'{end}_VALUE']:g}"
    return f"{phase.shape}{ends}{ticks}"
