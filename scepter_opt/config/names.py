"""Between keys and the keywords of torch's classes, both ways."""

from __future__ import annotations


def keyword_of(key: str) -> str:
    """torch's keyword for a key, in lower case.

    >>> keyword_of("LEARNING_RATE"), keyword_of("LEARNING_RATE_DECAY"), keyword_of("T_MAX")
    ('lr', 'lr_decay', 't_max')
    """
    return key.lower().replace("learning_rate", "lr")


def key_of(keyword: str) -> str:
    """The key for a keyword of a class.

    >>> key_of("lr"), key_of("weight_decay"), key_of("min_lr")
    ('LEARNING_RATE', 'WEIGHT_DECAY', 'MIN_LR')
    """
    return {"lr": "LEARNING_RATE", "lr_decay": "LEARNING_RATE_DECAY"}.get(keyword, keyword.upper())
