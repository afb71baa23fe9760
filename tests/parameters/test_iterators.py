"""Names from iterators: an app hands over `model.parameters()`, and the rules hold all the same."""

from __future__ import annotations

import functools
import gc
import itertools
import operator
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt import ConfigError
from tests.parameters.models import Net, rule

RULES = {"no_decay": rule({"KINDS": ["bias", "norm"]}, {"WEIGHT_DECAY": 0.0})}
NODE = {"NAME": "AdamW", "PARAM_GROUPS": RULES}


class App(nn.Module):
    """Holds a net as a trainer's module does, and gives its parameters in ways of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.net, self.loss = Net(), nn.CrossEntropyLoss()

    def generator(self) -> Iterator[nn.Parameter]:
        for module in (self.net, self.loss):
            yield from module.parameters()


class Steps:
    """An iterator written as a class."""

    def __init__(self, module: nn.Module) -> None:
        self.parameters = module.parameters()

    def __iter__(self) -> Steps:
        return self

    def __next__(self) -> nn.Parameter:
        return next(self.parameters)


def looked_up_in(module: nn.Module) -> Callable[[str], nn.Parameter]:
    def look_up(name: str) -> nn.Parameter:
        return module.get_parameter(name)

    return look_up


class Compiled(nn.Module):
    """Holds a net as torch.compile does."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self._orig_mod = net


# By form what leads to the whole of an App: nothing of it is a list.
FORMS: dict[str, Any] = {
    "parameters()": lambda m: m.parameters(),
    "iter": lambda m: iter(m.parameters()),
    "filter": lambda m: filter(lambda p: p.requires_grad, m.parameters()),
    "filter twice": lambda m: filter(torch.is_tensor, filter(lambda p: p.requires_grad, m.parameters())),
    "expression": lambda m: (p for p in m.parameters() if p.requires_grad),
    "expression over names": lambda m: (p for name, p in m.named_parameters() if name),
    "expression over modules": lambda m: (p for each in m.modules() for p in each.parameters(recurse=False)),
    "map": lambda m: map(operator.itemgetter(1), m.named_parameters()),
    "map of a method": lambda m: map(m.get_parameter, [name for name, _ in m.named_parameters()]),
    "map of a closure": lambda m: map(looked_up_in(m), [name for name, _ in m.named_parameters()]),
    "map of a partial": lambda m: map(functools.partial(nn.Module.get_parameter, m), dict(m.named_parameters())),
    "chain of one": lambda m: itertools.chain(m.parameters()),
    "chain from iterable": lambda m: itertools.chain.from_iterable(each.parameters() for each in [m]),
    "islice": lambda m: itertools.islice(m.parameters(), 1000),
    "tee": lambda m: itertools.tee(m.parameters())[1],
    "generator": lambda m: m.generator(),
    "class": Steps,
    "named_parameters()": lambda m: m.named_parameters(),
    "groups": lambda m: [{"params": (p for p in m.parameters() if p.ndim > 1)},
                         {"params": filter(lambda p: p.ndim < 2, m.parameters())}],
    "generator of groups": lambda m: ({"params": each.parameters()} for each in [m]),
}  # fmt: skip


def names_of(optimizer: torch.optim.Optimizer) -> list[str]:
    return [name for group in optimizer.param_groups for name in group["param_names"]]


@pytest.mark.parametrize("form", FORMS)
def test_rules_hold_over_an_iterator_as_over_the_module(form: str) -> None:
    app = App()
    expected = scepter_opt.build_optimizer(app, NODE)
    found = scepter_opt.build_optimizer(FORMS[form](app), NODE)
    decays = [{name: group["weight_decay"] for group in optimizer.param_groups for name in group["param_names"]}
              for optimizer in (expected, found)]  # fmt: skip
    assert decays[0] == decays[1]
    assert {0.0, 0.01} == set(decays[0].values())


def test_exactly_what_it_yields_is_taken_in_its_order() -> None:
    app = App()
    wanted = [name for name, p in app.named_parameters() if p.ndim == 2]
    optimizer = scepter_opt.build_optimizer((p for p in app.parameters() if p.ndim == 2), {"NAME": "SGD"})
    assert names_of(optimizer) == wanted
    order = [name for name, _ in app.named_parameters()][::-1]
    optimizer = scepter_opt.build_optimizer(map(app.get_parameter, order), {"NAME": "SGD"})
    assert names_of(optimizer) == order


def test_an_iterator_that_was_begun_gives_what_is_left() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    iterator = net.parameters()
    next(iterator)
    assert names_of(scepter_opt.build_optimizer(iterator, {"NAME": "SGD"})) == ["0.bias", "1.weight", "1.bias"]


def test_several_modules_are_numbered() -> None:
    body, head = nn.Linear(2, 2), nn.Linear(2, 1)
    for iterator in (
        itertools.chain(body.parameters(), head.parameters()),
        (p for each in {"a": body, "b": head}.values() for p in each.parameters()),
    ):
        optimizer = scepter_opt.build_optimizer(iterator, {"NAME": "SGD"})
        assert names_of(optimizer) == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_numbers_stay_when_one_of_them_is_frozen() -> None:
    body, head = nn.Linear(2, 2).requires_grad_(False), nn.Linear(2, 1)
    iterator = filter(lambda p: p.requires_grad, itertools.chain(body.parameters(), head.parameters()))
    assert names_of(scepter_opt.build_optimizer(iterator, {"NAME": "SGD"})) == ["1.weight", "1.bias"]


def test_a_module_inside_another_has_the_others_names() -> None:
    net = Net()
    optimizer = scepter_opt.build_optimizer(itertools.chain(net.head.parameters(), net.parameters()), {"NAME": "SGD"})
    assert sorted(names_of(optimizer)) == sorted(name for name, _ in net.named_parameters())


def test_a_tensor_of_two_modules_counts_once_under_both_names() -> None:
    encoder, decoder = nn.Linear(2, 2), nn.Linear(2, 2)
    decoder.weight = encoder.weight
    rules = {"decoder": rule({"NAMES": "1.weight"}, {"LR_MULT": 2})}
    node = {"NAME": "SGD", "PARAM_GROUPS": rules}
    plan = scepter_opt.plan(node, itertools.chain(encoder.parameters(), decoder.parameters()))
    assert [row.name for row in plan if "decoder" in row.rules] == ["0.weight"]
    assert len(list(plan)) == 3


@pytest.mark.parametrize("wrap", [nn.DataParallel, Compiled], ids=lambda wrap: wrap.__name__)
def test_a_wrapper_is_no_part_of_a_name(wrap: Any) -> None:
    net = Net()
    optimizer = scepter_opt.build_optimizer(wrap(net).parameters(), {"NAME": "SGD"})
    assert names_of(optimizer) == [name for name, _ in net.named_parameters()]


@pytest.mark.parametrize(
    "nowhere",
    [
        lambda m: list(m.parameters()),
        lambda m: iter(list(m.parameters())),
        lambda m: itertools.chain(m.parameters(), [nn.Parameter(torch.ones(1))]),
    ],
    ids=["list", "iterator of a list", "module and a tensor beside it"],
)
def test_what_leads_nowhere_has_no_names_and_is_told_what_to_do(nowhere: Any) -> None:
    net = Net()
    optimizer = scepter_opt.build_optimizer(nowhere(net), {"NAME": "SGD"})
    assert "param_names" not in optimizer.param_groups[0]
    with pytest.raises(ConfigError, match="these are tensors alone: pass the module, or named_parameters"):
        scepter_opt.build_optimizer(nowhere(net), NODE)


def test_names_that_were_given_are_kept() -> None:
    net = nn.Linear(2, 2)
    optimizer = scepter_opt.build_optimizer(net.named_parameters(prefix="student"), {"NAME": "SGD"})
    assert names_of(optimizer) == ["student.weight", "student.bias"]


def test_several_optimizers_share_out_what_an_iterator_yields() -> None:
    nodes = {"body": {"NAME": "SGD", "ONLY": "net.encoder*"}, "rest": {"NAME": "Adam", "ONLY": ["re:^net.(?!encoder)"]}}
    over = [scepter_opt.build_optimizers(parameters, nodes) for parameters in (App(), App().parameters())]
    assert {k: names_of(v) for k, v in over[0].items()} == {k: names_of(v) for k, v in over[1].items()}


def test_nothing_is_called_and_little_is_looked_at() -> None:
    class Untouchable(dict[str, Any]):
        def values(self) -> Any:
            raise AssertionError

    settings, net = Untouchable(a=1), Net()
    many = [object() for _ in range(20_000)]
    optimizer = scepter_opt.build_optimizer((p for p in net.parameters() if settings and many), {"NAME": "SGD"})
    assert len(names_of(optimizer)) == len(list(net.parameters()))


def test_the_model_is_not_kept_alive() -> None:
    import weakref

    net = nn.Linear(2, 2)
    scepter_opt.build_optimizer(net.parameters(), {"NAME": "SGD"})
    known = weakref.ref(net)
    del net
    gc.collect()
    assert known() is None
