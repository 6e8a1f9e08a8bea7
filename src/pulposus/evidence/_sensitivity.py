"""How much a pool hangs on single studies, on their order, on subgroups and on risk of bias.

leave-one-out   the pool without each study in turn
cumulative      the pool after each study, in a given order
subgroups       a pool per group, and Q_B = sum_g w_g (b_g - b)², w_g = 1 / se_g², on groups - 1: do they differ?
                Each group has its own tau², or all share one (then Q_B is the test of a factor in a meta-regression).
risk of bias    the pool of the studies up to each judgement (low; low and some concerns; all), and the judgements as subgroups
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pulposus.errors import InvalidInput
from pulposus.evidence._meta import fit_model, meta_analysis
from pulposus.evidence._meta_result import MetaResult
from pulposus.evidence._study_data import StudyData

# Judgements of the Cochrane tools RoB 2 and ROBINS-I, best first.
JUDGEMENTS = ("low", "some concerns", "moderate", "high", "serious", "critical")


@dataclass(frozen=True)
class Step:
    """A pool of some of the studies.

    Attributes:
        label: The study left out, the last one added, or the stratum.
        result: The pool; for a single study its own interval (method FE, test z).
    """

    label: str
    result: MetaResult


@dataclass(frozen=True)
class Subgroups:
    """Pools of groups and the test of their difference.

    Attributes:
        groups: One pool per group, in the order of the names.
        q_between: Q_B.
        df: groups - 1.
        p: p value of Q_B on chi².
        overall: Pool of all studies.
        shared_tau2: Whether the groups share one variance between studies.
    """

    groups: tuple[Step, ...]
    q_between: float
    df: int
    p: float
    overall: MetaResult
    shared_tau2: bool


@dataclass(frozen=True)
class RiskOfBias:
    """Pools by risk of bias.

    Attributes:
        cumulative: Pools of the studies up to each judgement, best first; the last holds all.
        subgroups: The judgements as subgroups; None if there is only one.
    """

    cumulative: tuple[Step, ...]
    subgroups: Subgroups | None


def leave_one_out(result: MetaResult) -> tuple[Step, ...]:
    """The pool without each study in turn, with the method, test and level of `result`."""
    _require_no_moderators(result)
    data = result.data
    if data.k < 3:
        raise InvalidInput(
            f"{data.k} studies leave {data.k - 1} behind", where="leave-one-out", allowed="at least three studies"
        )
    return tuple(Step(data.labels[left], _refit(result, np.arange(data.k) != left)) for left in range(data.k))


def cumulative(result: MetaResult, order: ArrayLike | None = None) -> tuple[Step, ...]:
    """The pool after each study.

    Args:
        result: Pool of all studies.
        order: One number per study, such as the year; smaller ones come first, ties keep their order. Without it, the order of the data.
    """
    _require_no_moderators(result)
    data = result.data
    ranks = np.arange(data.k) if order is None else np.asarray(order, dtype=np.float64)
    if ranks.shape != (data.k,) or not np.all(np.isfinite(ranks)):
        raise InvalidInput("the order is not one number per study", where="order", allowed=f"{data.k} finite numbers")
    sequence = np.argsort(ranks, kind="stable")
    return tuple(
        Step(data.labels[sequence[number]], _refit(result, sequence[: number + 1])) for number in range(data.k)
    )


def subgroups(result: MetaResult, group: Sequence[Any], *, shared_tau2: bool = False) -> Subgroups:
    """Pools of groups and the test between them.

    Args:
        result: Pool of all studies.
        group: Name of the group of each study.
        shared_tau2: One variance between studies for all groups; otherwise each group has its own.

    Raises:
        InvalidInput: One group only, or a missing name.
    """
    from scipy import stats

    _require_no_moderators(result)
    names = _names(group, result.data)
    titles = sorted(set(names), key=names.index)
    if len(titles) < 2:
        raise InvalidInput(f"all studies are in the group {titles[0]!r}", where="group", allowed="at least two groups")
    if shared_tau2:
        return _shared(result, names, titles)
    steps = tuple(Step(title, _refit(result, np.array([name == title for name in names]))) for title in titles)
    values = np.array([step.result.estimate for step in steps])
    weights = np.array([1.0 / step.result.se**2 for step in steps])
    q = float(np.sum(weights * (values - np.average(values, weights=weights)) ** 2))
    df = len(titles) - 1
    return Subgroups(steps, q, df, float(stats.chi2.sf(q, df)), result, shared_tau2=False)


def risk_of_bias_strata(
    result: MetaResult, judgement: Sequence[str], *, order: Sequence[str] = JUDGEMENTS
) -> RiskOfBias:
    """Pools of the studies with little bias, and of the rest.

    Args:
        result: Pool of all studies.
        judgement: Overall judgement of each study, one of `order`.
        order: Judgements, best first.
    """
    _require_no_moderators(result)
    names = [name.lower() for name in _names(judgement, result.data)]
    for label, name in zip(result.labels, names, strict=True):
        if name not in order:
            raise InvalidInput(f"{name!r} is not a judgement of risk of bias", where=label, allowed=", ".join(order))
    present = [name for name in order if name in names]
    steps = []
    for number in range(len(present)):
        kept = present[: number + 1]
        title = "all studies" if number == len(present) - 1 else " + ".join(kept)
        steps.append(Step(title, _refit(result, np.array([name in kept for name in names]))))
    return RiskOfBias(tuple(steps), subgroups(result, names) if len(present) > 1 else None)


def _refit(result: MetaResult, keep: Any) -> MetaResult:
    data = result.data
    part = StudyData(
        data.yi[keep],
        data.vi[keep],
        data.design[keep],
        data.names,
        tuple(np.array(data.labels, dtype=object)[keep]),
    )
    if part.k == 1:
        alone = fit_model(part, method="FE", test="z", level=result.level)
        return replace(alone, notes=("one study: its own interval",))
    return fit_model(part, method=result.method, test=result.test, level=result.level)


def _shared(result: MetaResult, names: list[str], titles: list[str]) -> Subgroups:
    """Groups of one meta-regression: their means come from the same fit, each in turn as the reference level."""
    data = result.data
    steps: list[Step] = []
    whole: MetaResult | None = None
    for title in titles:
        dummies: Mapping[str, Any] = {
            other: np.array([float(name == other) for name in names]) for other in titles if other != title
        }
        whole = meta_analysis(
            data.yi,
            data.vi,
            moderators=dummies,
            method=result.method,
            test=result.test,
            level=result.level,
            labels=data.labels,
        )
        steps.append(Step(title, whole))
    assert whole is not None and whole.qm is not None and whole.qm_p is not None
    return Subgroups(tuple(steps), whole.qm, len(titles) - 1, whole.qm_p, result, shared_tau2=True)


def _names(values: Sequence[Any], data: StudyData) -> list[str]:
    if len(values) != data.k:
        raise InvalidInput(f"{len(values)} groups for {data.k} studies", where="group", allowed="one per study")
    names = [str(value).strip() for value in values]
    for label, name in zip(data.labels, names, strict=True):
        if name in {"", "nan", "None"}:
            raise InvalidInput(f"the group of {label} is missing", where=label, allowed="a name")
    return names


def _require_no_moderators(result: MetaResult) -> None:
    if result.data.p > 1:
        raise InvalidInput(
            "the model has moderators",
            where="moderators",
            allowed="a model without moderators",
            remedy="pool without them first",
        )
