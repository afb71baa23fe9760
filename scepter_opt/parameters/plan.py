"""The plan: which parameter gets which settings, as a value that can be printed, saved and compared.

What several optimizers as one (`several` on a Config) need of it: a rule sends parameters to a part by
`SET: {OPTIMIZER: part}`, the Config answers `parts()`, `default_part` and `with_parts()`, settings are checked against
the part that a parameter ends in, and every group dict says its part under `optimizer`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

from ..errors import ConfigError, Problem
from .across_ranks import compare
from .group_dicts import choose_steps, group_dicts
from .notebook import plan_html
from .rendering import short, table, text
from .rows import Rows
from .serialization import Difference, diff, from_json, to_json

if TYPE_CHECKING:
    from rich.console import Group as Rendered

    from .implementation import StepChoice


@final
class Plan(Rows):
    """Which parameter gets which settings.

    Args:
        config: The Config with final rates; None in a plan that was read from a file.
        scales: By part the factor of its LR_SCALING, which is in those rates; without those that have none.
        steps: What was read from a file of how steps are computed.
        remarks: What the build says once, with keys relative to the optimizer's node.
        rows: What `Rows` takes.
    """

    def __init__(
        self,
        *,
        config: Any = None,
        scales: Mapping[str, float] | None = None,
        steps: list[StepChoice] | None = None,
        remarks: Iterable[Problem] = (),
        **rows: Any,
    ) -> None:
        # a plan that was read from a file has rows and steps, and no parameters that could tell them again
        super().__init__(**rows)
        self.config = config
        self.scales = dict(scales or {})
        self.remarks = tuple(remarks)
        self._steps = steps

    def groups(self) -> list[dict[str, Any]]:
        """torch's list of group dicts. What is not in one is the optimizer's own.

        Raises:
            ConfigError: The configuration asks for what the parameters cannot have, or the plan was read from a file.
        """
        return group_dicts(self, self.config, self.steps)

    @cached_property
    def steps(self) -> list[StepChoice]:
        """Per group how its step is computed, and why.

        Raises:
            ConfigError: The configuration asks for what the parameters cannot have.
        """
        # asked once: what the optimizer was built with does not change when parameters thaw later
        return choose_steps(self, self.config) if self._steps is None else self._steps

    def taken(self) -> list[tuple[str, Any]]:
        """Names and tensors of what is in the groups."""
        names, tensors = self.parameters.names, self.parameters.tensors
        return [(names[i], tensors[i]) for members in self.members for i in members]

    def to_freeze(self) -> list[tuple[str, Any]]:
        """Names and tensors of what rules freeze and the model does not.

        Raises:
            ConfigError: The model is inside DistributedDataParallel already, which must not see parameters freeze.
        """
        names, tensors = self.parameters.names, self.parameters.tensors
        frozen = [i for i, number in enumerate(self.column) if self.combinations[number].frozen]
        change = [(names[i], tensors[i]) for i in frozen if tensors[i].requires_grad]
        if change:
            # DDP has counted which gradients to wait for, and would wait for those forever
            from torch.nn.parallel import DistributedDataParallel

            if any(isinstance(module, DistributedDataParallel) for _, module in self.parameters.modules()):
                message = (
                    f"freezes {change[0][0]}, and the model is inside DistributedDataParallel already. Call "
                    "scepter_opt.freeze(model, cfg.optimizer) before wrapping it."
                )
                raise ConfigError([Problem("PARAM_GROUPS", message)])
        return change

    def short(self) -> str:
        """The groups, a line each."""
        return short(self, self.steps)

    def __str__(self) -> str:
        return text(self, self.steps)

    def __rich__(self) -> Rendered:
        return table(self, self.steps)

    def _repr_html_(self) -> str:
        return plan_html(self, self.steps)

    def to_json(self) -> str:
        """The plan as JSON."""
        return to_json(self, self.steps)

    @staticmethod
    def from_json(text: str) -> Plan:
        """A plan as it was saved, to look at and to compare; it builds nothing.

        Raises:
            ConfigError: The text is no plan.
        """
        return Plan(**from_json(text))

    def diff(self, other: Plan) -> Difference:
        """What differs in another plan, such as an earlier one: empty and false where nothing does."""
        return diff(self, other)

    def compare_across_ranks(self, timeout: float = 300) -> None:
        """Make sure that all processes have the same plan; call it in every one. Where there is one, nothing is done.

        Processes whose parameters, groups or settings differ hang in the middle of training, or train something else
        than is thought. A digest is compared, through the store of torch.distributed: it works on any backend.

        Args:
            timeout: Seconds that a process waits for the others.

        Raises:
            ConfigError: Plans differ, in every process, with the first row that does; or a process did not come.
        """
        compare(self, timeout)
