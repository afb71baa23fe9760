"""Prints what an audit finds of timm's models under timm's own groups, as JSON. Run in an environment with timm."""

from __future__ import annotations

import json
import sys
from importlib import import_module

import torch

from scepter_opt import audit
from tests.parameters.timm_groups import import_timm


def main() -> None:
    timm, optim = import_timm()
    cosine = import_module("timm.scheduler").CosineLRScheduler
    wanted = int(sys.argv[1])
    names = timm.list_models()
    found: dict[str, list[str]] = {}
    # evenly over the alphabet, so that all families are there; some cannot be made without memory
    for name in names[:: max(1, len(names) // (wanted * 2))]:
        if len(found) == wanted:
            break
        try:
            with torch.device("meta"):
                model = timm.create_model(name, pretrained=False)
        except Exception:  # the model's own code reads values while it is made
            continue
        skip = model.no_weight_decay() if hasattr(model, "no_weight_decay") else ()
        groups = optim.param_groups_weight_decay(model, weight_decay=0.05, no_weight_decay_list=skip)
        optimizer = torch.optim.AdamW(groups, lr=1e-3)
        scheduler = cosine(optimizer, t_initial=30, warmup_t=5, warmup_lr_init=1e-6)
        found[name] = [finding.name for finding in audit(model, optimizer, scheduler).faults]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
