r"""Values that are written as texts, as regular expressions that Python and JavaScript read alike.

A pattern refuses only what the check refuses: where a bound would need arithmetic, as that of `12e-1` does, all passes.
"""

from __future__ import annotations

from collections.abc import Mapping

DEFERRED = r"\$\{|^\?\?\?$"
"""An interpolation, or what is still to be said: nobody knows yet what it will be."""
BOOLEAN = "^(?:[01]|[tT](?:[rR][uU][eE])?|[fF](?:[aA][lL][sS][eE])?|[yY](?:[eE][sS])?|[nN][oO]?|[oO](?:[nN]|[fF][fF]))$"
"""The texts that are true or false."""

_PLAIN = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_EXPONENT = "[eE][-+]?[0-9]+"
_ZERO = rf"(?:0+\.?0*|\.0+)(?:{_EXPONENT})?"
# lookaheads, each of which looks at a number without a sign and without an exponent
_NOT_ZERO = r"(?=[0-9.]*[1-9])"
_FROM_ONE = "(?=0*[1-9])"
_NOT_ONE = r"(?!0*1(?:\.0*)?\s*$)"
_BELOW_ONE = r"(?=0*(?:\.[0-9]*)?\s*$)"
_UP_TO_ONE = r"(?=(?:0*(?:\.[0-9]*)?|0*1(?:\.0*)?)\s*$)"
_WHOLE = r"(?=[0-9]+(?:\.0*)?\s*$)"


def number(bounds: Mapping[str, float], *, whole: bool = False, infinite: bool = False) -> str:
    """The pattern of a number that is written as a text.

    Args:
        bounds: `minimum`, `exclusiveMinimum`, `maximum` and `exclusiveMaximum`, as far as there are any.
        whole: Whether it must be a whole number.
        infinite: Whether it may be infinite, or no number.

    >>> import re
    >>> pattern = number({"minimum": 0, "exclusiveMaximum": 1})
    >>> [bool(re.search(pattern, text)) for text in ("1e-3", ".9", "-0", "1.0", "-1e-3", "abc")]
    [True, True, True, False, False, False]
    """
    forms = []
    if _admits(bounds, 0.0):
        forms.append(f"[-+]?{_ZERO}")
    if min(bounds.get("maximum", 1), bounds.get("exclusiveMaximum", 1)) > 0:
        looks = [_NOT_ZERO, *_looks_at_bounds(bounds), *([_WHOLE] if whole else [])]
        forms += [rf"\+?{''.join(looks)}{_PLAIN}", rf"\+?{_NOT_ZERO}{_PLAIN}{_EXPONENT}"]
    if max(bounds.get("minimum", -1), bounds.get("exclusiveMinimum", -1)) < 0:
        forms += [f"-{_WHOLE * whole}{_PLAIN}", f"-{_PLAIN}{_EXPONENT}"]
    if infinite:
        forms.append(r"[-+]?\.?(?:[iI][nN][fF](?:[iI][nN][iI][tT][yY])?|[nN][aA][nN])")
    return rf"^\s*(?:{'|'.join(forms)})\s*$"


def length(*, above: bool) -> str:
    """The pattern of a length: ticks, a share or epochs.

    Args:
        above: Whether it must be above 0.

    >>> import re
    >>> [bool(re.search(length(above=True), text)) for text in ("500", "5%", "2 epochs", "0%", "101%", "0.5")]
    [True, True, True, False, False, False]
    """
    zero, exponent = "" if above else f"[-+]?{_ZERO}|", r"[eE][-+]?[0-9]{1,2}"
    share = rf"(?=0*(?:[0-9]{{0,2}}(?:\.[0-9]*)?|100(?:\.0*)?)\s*%){_PLAIN}"
    numbers = {
        "": rf"{_WHOLE}{_PLAIN}|{_PLAIN}{exponent}",
        r"\s*%": rf"{share}|{_PLAIN}{exponent}",
        r"\s*[eE][pP][oO][cC][hH][sS]?": rf"{_PLAIN}(?:{exponent})?",
    }
    forms = [rf"(?:{zero}\+?{_NOT_ZERO}(?:{number}))\s*{unit}" for unit, number in numbers.items()]
    return rf"^\s*(?:{'|'.join(forms)})\s*$"


def _admits(bounds: Mapping[str, float], value: float) -> bool:
    return (
        value >= bounds.get("minimum", value)
        and value > bounds.get("exclusiveMinimum", value - 1)
        and value <= bounds.get("maximum", value)
        and value < bounds.get("exclusiveMaximum", value + 1)
    )


def _looks_at_bounds(bounds: Mapping[str, float]) -> list[str]:
    """Lookaheads for a number above 0 without an exponent."""
    looks = []
    if max(bounds.get("minimum", 0), bounds.get("exclusiveMinimum", 0)) >= 1:
        looks += [_FROM_ONE, _NOT_ONE] if bounds.get("exclusiveMinimum", 0) >= 1 else [_FROM_ONE]
    if bounds.get("exclusiveMaximum", 2) <= 1:
        looks.append(_BELOW_ONE)
    elif bounds.get("maximum", 2) <= 1:
        looks.append(_UP_TO_ONE)
    return looks
