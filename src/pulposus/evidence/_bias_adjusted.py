"""Controlled and uncontrolled evidence in one model: what of a before-after change is the cells, and what would have come without them.

Patients change after saline or sham too (clinical_model 1): a before-after change estimates effect plus non-specific change, and only
studies with a control arm can tell them apart. For study j

    control arm            c_j ~ N(b_j, v)                          b_j ~ N(beta, kappa²)      non-specific change
    cell arm, controlled   t_j ~ N(b_j + e_j, v)                    e_j ~ N(mu, tau²)          effect of the cells
    cell arm, uncontrolled t_j ~ N(b_j + delta + e_j, v)            delta                      what knowing the treatment adds
    difference of arms     d_j ~ N(e_j, v)                          where only that is printed

with b_j and e_j integrated out; the two arms of a study share b_j. Additive bias with its own spread as in Welton et al. 2009,
doi:10.1111/j.1467-985X.2008.00548.x. `delta` cannot be learnt without uncontrolled studies that also have a control arm: it comes from its
prior, and without one it is 0. Needs NumPyro (extra `bayes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pulposus.errors import InvalidInput
from pulposus.evidence._bayes import (
    BayesResult,
    NormalPrior,
    Sampling,
    SpreadPrior,
    check_priors,
    half,
    in_words,
    normal,
    require_numpyro,
    run,
)
from pulposus.evidence._study_data import FloatArray, require_choice, require_finite, require_positive

KINDS = ("cells", "control", "difference")


@dataclass(frozen=True)
class ArmEvidence:
    """One number of one study.

    Attributes:
        study: Name of the study; the arms of one study carry one name.
        kind: `cells` or `control` (change from baseline of that arm), or `difference` (cells minus control).
        value: The change or difference.
        variance: Its sampling variance.
    """

    study: str
    kind: str
    value: float
    variance: float


@dataclass(frozen=True)
class BiasPriors:
    """Priors of the model, in units of the outcome.

    Attributes:
        effect: Mean effect of the cells, mu.
        effect_spread: Its spread between studies, tau.
        non_specific: Mean change without cells, beta.
        non_specific_spread: Its spread between studies, kappa.
        open_label: Excess of uncontrolled studies, delta; None means none.
    """

    effect: NormalPrior
    effect_spread: SpreadPrior
    non_specific: NormalPrior
    non_specific_spread: SpreadPrior
    open_label: NormalPrior | None = None


def bias_adjusted_meta_analysis(
    evidence: Sequence[ArmEvidence],
    priors: BiasPriors,
    *,
    level: float = 0.95,
    sampling: Sampling | None = None,
) -> BayesResult:
    """Posterior of the effect of the cells, apart from the change that comes without them.

    Args:
        evidence: Arms and differences; a study has either arms or a difference, and each arm once.
        priors: Priors; all have to be stated.
        level: Level of the intervals.
        sampling: Draws, chains and seed.

    Returns:
        Quantities `effect of the cells`, `spread of the effect`, `change without cells`, `spread of the change without cells`,
        `open-label excess` (with its prior) and `effect in a new study`.

    Raises:
        InvalidInput: ArmEvidence or priors that cannot be used; no controlled evidence at all.
        MissingPart: NumPyro is not installed.
        SolverFailed: The chains do not agree.
    """
    pairs, uncontrolled, controls, differences = _sorted(evidence)
    spreads = (priors.effect_spread, priors.non_specific_spread)
    means = (priors.effect, priors.non_specific, *((priors.open_label,) if priors.open_label else ()))
    check_priors(means, spreads)
    numpyro = require_numpyro()
    import jax.numpy as jnp

    def model() -> None:
        law = numpyro.distributions
        effect = numpyro.sample("effect of the cells", normal(priors.effect))
        tau = numpyro.sample("spread of the effect", half(priors.effect_spread))
        change = numpyro.sample("change without cells", normal(priors.non_specific))
        kappa = numpyro.sample("spread of the change without cells", half(priors.non_specific_spread))
        excess = 0.0 if priors.open_label is None else numpyro.sample("open-label excess", normal(priors.open_label))
        if pairs.size:
            shared, own = kappa**2, kappa**2 + tau**2
            covariance = jnp.stack(
                [
                    jnp.stack([own + pairs[:, 1], shared + 0.0 * pairs[:, 1]], axis=-1),
                    jnp.stack([shared + 0.0 * pairs[:, 3], shared + pairs[:, 3]], axis=-1),
                ],
                axis=-2,
            )
            place = jnp.broadcast_to(jnp.stack([change + effect, change]), (pairs.shape[0], 2))
            numpyro.sample(
                "controlled", law.MultivariateNormal(place, covariance_matrix=covariance), obs=pairs[:, [0, 2]]
            )
        if uncontrolled.size:
            width = jnp.sqrt(uncontrolled[:, 1] + tau**2 + kappa**2)
            numpyro.sample("uncontrolled", law.Normal(change + effect + excess, width), obs=uncontrolled[:, 0])
        if controls.size:
            numpyro.sample("controls", law.Normal(change, jnp.sqrt(controls[:, 1] + kappa**2)), obs=controls[:, 0])
        if differences.size:
            numpyro.sample(
                "differences", law.Normal(effect, jnp.sqrt(differences[:, 1] + tau**2)), obs=differences[:, 0]
            )

    words = (
        f"effect of the cells: {in_words(priors.effect)}, spread {in_words(priors.effect_spread)}",
        f"change without cells: {in_words(priors.non_specific)}, spread {in_words(priors.non_specific_spread)}",
        f"open-label excess: {'none' if priors.open_label is None else in_words(priors.open_label)}",
    )
    return run(
        model,
        sampling or Sampling(),
        level=level,
        priors=words,
        centre="effect of the cells",
        spread="spread of the effect",
        notes=_notes(pairs, uncontrolled, differences),
    )


def _sorted(evidence: Sequence[ArmEvidence]) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Pairs (cells, variance, control, variance), uncontrolled cell arms, control arms alone, differences."""
    studies: dict[str, dict[str, ArmEvidence]] = {}
    for one in evidence:
        require_choice(one.kind, KINDS, "kind of evidence")
        require_finite(np.array([one.value]), (one.study,), f"{one.kind} value")
        require_positive(np.array([one.variance]), (one.study,))
        found = studies.setdefault(one.study, {})
        if one.kind in found:
            raise InvalidInput(
                f"{one.study} has two values of {one.kind}", where=one.study, allowed="one per study, at one time"
            )
        found[one.kind] = one
    pairs: list[list[float]] = []
    uncontrolled: list[list[float]] = []
    controls: list[list[float]] = []
    differences: list[list[float]] = []
    for name, found in studies.items():
        if "difference" in found and len(found) > 1:
            raise InvalidInput(
                f"{name} has a difference beside its arms",
                where=name,
                allowed="arms or a difference",
                remedy="the arms hold more: drop the difference",
            )
        if "difference" in found:
            differences.append([found["difference"].value, found["difference"].variance])
        elif len(found) == 2:
            cells, control = found["cells"], found["control"]
            pairs.append([cells.value, cells.variance, control.value, control.variance])
        else:
            ((kind, alone),) = found.items()
            (uncontrolled if kind == "cells" else controls).append([alone.value, alone.variance])
    if not (pairs or differences):
        raise InvalidInput(
            "no study compares cells with a control",
            where="evidence",
            allowed="at least one study with two arms or a difference",
            remedy="a before-after change alone does not tell the effect from what comes without cells",
        )
    return np.array(pairs), np.array(uncontrolled), np.array(controls), np.array(differences)


def _notes(pairs: FloatArray, uncontrolled: FloatArray, differences: FloatArray) -> tuple[str, ...]:
    controlled = len(pairs) + len(differences)
    return (
        f"{controlled} controlled and {len(uncontrolled)} uncontrolled studies; "
        "uncontrolled ones inform the effect only as far as the change without cells and the open-label excess are known",
    )
