"""The tables of the base in the bias-adjusted model: controlled and uncontrolled evidence together, said aloud (clinical_model 1).

Every cohort gives its treated arm, and its control arm where it has one; the model separates what came with the cells from what came
anyway. The priors are those of `data/parameters/evidence.toml`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pulposus.errors import InvalidInput
from pulposus.evidence._base import EvidenceBase
from pulposus.evidence._selection import select
from pulposus.parameters import ParameterSet, load_parameters

if TYPE_CHECKING:
    from pulposus.evidence._bayes import BayesResult, Sampling
    from pulposus.evidence._bias_adjusted import ArmEvidence, BiasPriors

DOMAIN = "back pain"
"""The only domain for which the specification gives the change without cells."""


def arm_evidence(
    base: EvidenceBase,
    month: float = 12.0,
    *,
    classes: Sequence[str] = (),
    exclude: Sequence[str] = (),
    nearest: bool = False,
    derived_baselines: bool = False,
    correlation: float | None = None,
) -> tuple[ArmEvidence, ...]:
    """Treated arms of every cohort, and the control arms of those that have one at the same time; options as in `select`."""
    from pulposus.evidence._bias_adjusted import ArmEvidence

    treated, between = (
        select(
            base,
            contrast,
            DOMAIN,
            month,
            classes=classes,
            exclude=exclude,
            nearest=nearest,
            derived_baselines=derived_baselines,
            correlation=correlation,
        )
        for contrast in ("before-after", "between-arms")
    )
    differences = {row.study.cohort: row for row in between.rows}
    found = []
    for row in treated.rows:
        name = row.study.study_id
        difference = differences.get(row.study.cohort)
        found.append(ArmEvidence(name, "cells", row.estimate, row.variance))
        if difference is not None and difference.month == row.month:
            # The arms are independent, so the control's part is what the difference has beyond the treated arm.
            control = row.estimate - difference.estimate
            found.append(ArmEvidence(name, "control", control, difference.variance - row.variance))
    return tuple(found)


def bias_priors(constants: ParameterSet | None = None) -> BiasPriors:
    """Priors of the model from the parameters."""
    from pulposus.evidence._bayes import NormalPrior, SpreadPrior
    from pulposus.evidence._bias_adjusted import BiasPriors

    known = constants if constants is not None else load_parameters()

    def value(name: str) -> float:
        return known.value(f"evidence.bias.{name}")

    return BiasPriors(
        effect=NormalPrior(value("effect_mean"), value("effect_sd")),
        effect_spread=SpreadPrior("half-normal", value("effect_spread")),
        non_specific=NormalPrior(value("non_specific_mean"), value("non_specific_sd")),
        non_specific_spread=SpreadPrior("half-normal", value("non_specific_spread")),
        open_label=NormalPrior(value("open_label_mean"), value("open_label_sd")),
    )


def bias_adjusted_pool(
    evidence: Sequence[ArmEvidence],
    *,
    level: float = 0.95,
    sampling: Sampling | None = None,
    constants: ParameterSet | None = None,
) -> BayesResult:
    """Posterior of the effect of the cells, apart from the change that comes without them.

    Raises:
        InvalidInput: No controlled study among the rows.
        MissingPart: NumPyro is not installed.
    """
    from pulposus.evidence._bias_adjusted import bias_adjusted_meta_analysis

    if not any(one.kind == "control" for one in evidence):
        raise InvalidInput(
            "no cohort with a control arm",
            allowed="at least one: without it nothing tells the effect from the change that comes anyway",
            remedy="try another month, --nearest or --derived-baselines",
        )
    return bias_adjusted_meta_analysis(evidence, bias_priors(constants), level=level, sampling=sampling)
