"""torch's own database of optimizer inputs, through config, build and step, against torch's objects."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

# In a process of its own: torch.testing._internal changes hypothesis for the whole process and reads sys.argv.
SCRIPT = """
import copy, json, sys, warnings
warnings.simplefilter("ignore")
import torch
from torch.testing._internal.common_optimizers import optim_db
import scepter_opt
from tests.support import keyword, same
from scepter_opt.config.validation import fields

compared, left_out = 0, []
for info in optim_db:
    name = info.optim_cls.__name__
    entry = scepter_opt.OPTIMIZERS.entry(name)
    keys = {keyword(key): key for key in fields(entry.config)}
    for case in info.optim_inputs_func(device="cpu"):
        given = dict(case.kwargs)
        flags = {flag: given.pop(flag) for flag in ("foreach", "fused") if given.get(flag) is not None}
        if any(isinstance(value, torch.Tensor) or (isinstance(value, tuple) and any(
                isinstance(item, torch.Tensor) for item in value)) for value in given.values()):
            left_out.append([name, case.desc, "a tensor is no config"])
            continue
        if given.get("capturable"):
            left_out.append([name, case.desc, "a step on the CPU cannot be captured"])
            continue
        torch.manual_seed(0)
        params = case.params
        if params is None:
            shape = (4, 3)
            params = [torch.randn(shape, requires_grad=True), torch.randn(shape, requires_grad=True)]
        if params and not isinstance(params[0], (dict, torch.Tensor)):
            left_out.append([name, case.desc, "parameters of another form"])
            continue
        twin = copy.deepcopy(params)
        node = {"NAME": name, "IMPLEMENTATION": "torch"}
        for key, value in given.items():
            node[keys[key]] = list(value) if isinstance(value, tuple) else value
        theirs = info.optim_cls(params, **case.kwargs) if not flags else info.optim_cls(params, **given)
        ours = scepter_opt.build_optimizer(twin, node)
        def flat(p):
            return [t for g in p for t in g["params"]] if isinstance(p[0], dict) else p
        def run(optimizer, parameters):
            for step in range(4):
                def closure():
                    for index, parameter in enumerate(parameters):
                        value = torch.linspace(-1, 1, parameter.numel()).reshape(parameter.shape) * (index + step + 1)
                        gradient = value.to(parameter.dtype)
                        parameter.grad = gradient.to_sparse() if name == "SparseAdam" else gradient
                    return torch.tensor(1.0 / (step + 1))
                closure()
                with torch.no_grad():
                    optimizer.step(closure)
            return [p.detach() for p in parameters]
        if given.get("differentiable"):
            assert ours.defaults == theirs.defaults
        else:
            assert same(run(theirs, flat(params)), run(ours, flat(twin))), (name, case.desc)
        compared += 1
print(json.dumps([compared, left_out]))
"""


def test_torchs_database_of_inputs_gives_equal_steps() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    compared, left_out = json.loads(done.stdout.splitlines()[-1])
    assert compared > 80
    assert {reason for *_, reason in left_out} <= {"a tensor is no config", "a step on the CPU cannot be captured"}
