"""Bayesian models: against integration on a grid, in their limits, and what they refuse."""

from __future__ import annotations

import builtins
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from pulposus.errors import InvalidInput, MissingPart, SolverFailed
from pulposus.evidence import _bayes
from pulposus.evidence._bayes import BayesResult, NormalPrior, Sampling, SpreadPrior, bayesian_meta_analysis
from pulposus.evidence._bias_adjusted import ArmEvidence, BiasPriors, bias_adjusted_meta_analysis

pytest.importorskip("numpyro")

YI = np.array([-28.0, -12.0, -35.0, -20.0, -8.0])
VI = np.array([36.0, 25.0, 49.0, 16.0, 64.0])
MEAN, SPREAD = NormalPrior(0.0, 50.0), SpreadPrior("half-normal", 15.0)
# At least 400 effective draws are enforced: a mean is known to 1 / sqrt(400) = 0.05 of the deviation.
QUICK = Sampling(draws=1500, warmup=500, chains=2, seed=1)
FOUR_ERRORS = 4.0 / math.sqrt(400.0)

CONTROLLED = [
    ArmEvidence("Noriega", "cells", -28.0, 60.0),
    ArmEvidence("Noriega", "control", -15.0, 60.0),
    ArmEvidence("VAST", "cells", -34.0, 4.0),
    ArmEvidence("VAST", "control", -30.5, 15.0),
    ArmEvidence("MPC", "difference", -8.0, 40.0),
]
UNCONTROLLED = [ArmEvidence("Orozco", "cells", -49.0, 60.0), ArmEvidence("Pettine", "cells", -55.0, 24.0)]
NATURAL_COURSE = ArmEvidence("cohort", "control", -18.0, 30.0)
PRIORS = BiasPriors(
    effect=NormalPrior(0.0, 30.0),
    effect_spread=SpreadPrior("half-normal", 10.0),
    non_specific=NormalPrior(-20.0, 30.0),
    non_specific_spread=SpreadPrior("half-normal", 15.0),
    open_label=NormalPrior(-13.0, 10.0),
)


def half_normal(x: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    return np.exp(-0.5 * (x / scale) ** 2)


def grid_posterior(spread: SpreadPrior) -> dict[str, tuple[float, float]]:
    """Mean and deviation of mu and tau: mu is normal given tau, tau is summed over a grid."""
    tau = np.linspace(1e-3, 200.0, 20_000)
    total = VI[None, :] + tau[:, None] ** 2
    precision = 1.0 / MEAN.sd**2 + np.sum(1.0 / total, axis=1)
    mean = (MEAN.mean / MEAN.sd**2 + np.sum(YI / total, axis=1)) / precision
    log = -0.5 * np.sum(np.log(total) + YI**2 / total, axis=1) + 0.5 * precision * mean**2 - 0.5 * np.log(precision)
    prior = (
        half_normal(tau, spread.scale) if spread.family == "half-normal" else 1.0 / (1.0 + (tau / spread.scale) ** 2)
    )
    weight = np.exp(log - log.max()) * prior
    weight /= weight.sum()
    centre = float(weight @ mean)
    return {
        "mean effect": (centre, math.sqrt(float(weight @ (1.0 / precision + (mean - centre) ** 2)))),
        "spread between studies": (float(weight @ tau), math.sqrt(float(weight @ tau**2 - (weight @ tau) ** 2))),
    }


def agrees(result: BayesResult, name: str, mean: float, sd: float) -> None:
    found = result.quantities[name]
    assert abs(found.mean - mean) <= FOUR_ERRORS * sd
    # The deviation of a deviation is about 1 / sqrt(2 n) of it, more for the long tail of a spread.
    assert abs(found.sd - sd) <= 1.5 * FOUR_ERRORS * sd


@pytest.mark.parametrize("family", ["half-normal", pytest.param("half-cauchy", marks=pytest.mark.slow)])
def test_posterior_is_that_of_a_grid(family: str) -> None:
    spread = SpreadPrior(family, 15.0 if family == "half-normal" else 5.0)
    result = bayesian_meta_analysis(YI, VI, mean_prior=MEAN, spread_prior=spread, sampling=QUICK)
    for name, (mean, sd) in grid_posterior(spread).items():
        agrees(result, name, mean, sd)
    effect = result.quantities["mean effect"]
    assert effect.low < effect.median < effect.high and 0.9 < effect.below_zero <= 1.0
    new = result.quantities["effect in a new study"]
    assert new.sd > effect.sd and new.mean == pytest.approx(effect.mean, abs=FOUR_ERRORS * new.sd)
    assert result.priors == ("mean effect: normal(0, 50)", f"spread between studies: {family}({spread.scale:g})")
    assert result.level == 0.95


def bias_grid() -> dict[str, tuple[float, float]]:
    """(effect, change, excess) are jointly normal given the two spreads, which are summed over a grid."""
    rows = np.array(
        [[1, 1, 0], [0, 1, 0], [1, 1, 0], [0, 1, 0], [1, 0, 0], [1, 1, 1], [1, 1, 1], [0, 1, 0]], dtype=float
    )
    values = np.array([-28.0, -15.0, -34.0, -30.5, -8.0, -49.0, -55.0, -18.0])
    errors = np.array([60.0, 60.0, 4.0, 15.0, 40.0, 60.0, 24.0, 30.0])
    assert PRIORS.open_label is not None
    means = (PRIORS.effect, PRIORS.non_specific, PRIORS.open_label)
    prior_mean = np.array([one.mean for one in means])
    prior_precision = np.diag([1.0 / one.sd**2 for one in means])
    tau, kappa = (part.ravel() for part in np.meshgrid(np.linspace(0.05, 50.0, 120), np.linspace(0.05, 75.0, 120)))
    spread = errors + tau[:, None] ** 2 * rows[:, 0] + kappa[:, None] ** 2 * rows[:, 1]
    covariance = spread[:, :, None] * np.eye(8)
    for first, second in ((0, 1), (2, 3)):
        covariance[:, first, second] = covariance[:, second, first] = kappa**2
    inverse = np.linalg.inv(covariance)
    precision = prior_precision + rows.T @ inverse @ rows
    posterior = np.linalg.inv(precision)
    place = (posterior @ (prior_precision @ prior_mean + (rows.T @ inverse) @ values)[:, :, None])[:, :, 0]
    size, volume = np.linalg.slogdet(covariance)[1], np.linalg.slogdet(precision)[1]
    fit = np.einsum("i,nij,j->n", values, inverse, values) - np.einsum("ni,nij,nj->n", place, precision, place)
    log = -0.5 * (size + volume + fit)
    weight = np.exp(log - log.max()) * half_normal(tau, 10.0) * half_normal(kappa, 15.0)
    weight /= weight.sum()
    centre = weight @ place
    width = np.sqrt(weight @ (np.diagonal(posterior, axis1=1, axis2=2) + (place - centre) ** 2))
    names = ("effect of the cells", "change without cells", "open-label excess")
    return {name: (float(m), float(s)) for name, m, s in zip(names, centre, width, strict=True)}


def test_bias_adjusted_posterior_is_that_of_a_grid() -> None:
    result = bias_adjusted_meta_analysis([*CONTROLLED, *UNCONTROLLED, NATURAL_COURSE], PRIORS, sampling=QUICK)
    for name, (mean, sd) in bias_grid().items():
        agrees(result, name, mean, sd)
    effect, change = (result.quantities[name].mean for name in ("effect of the cells", "change without cells"))
    # The warning of clinical_model 1: the before-after change of -40 to -50 is mostly not the cells.
    assert -20.0 < effect < 0.0 and change < effect
    assert "3 controlled and 2 uncontrolled studies" in result.notes[0]
    assert result.priors[2] == "open-label excess: normal(-13, 10)"


@pytest.mark.slow
def test_control_arms_alone_and_no_open_label_excess() -> None:
    """A natural course without treatment informs the change without cells only."""
    priors = BiasPriors(PRIORS.effect, PRIORS.effect_spread, PRIORS.non_specific, PRIORS.non_specific_spread)
    evidence = [ArmEvidence("MPC", "difference", -8.0, 4.0), ArmEvidence("cohort", "control", -5.0, 4.0)]
    result = bias_adjusted_meta_analysis(evidence, priors, sampling=QUICK)
    assert "open-label excess" not in result.quantities and result.priors[2] == "open-label excess: none"
    effect, change = result.quantities["effect of the cells"], result.quantities["change without cells"]
    assert abs(effect.mean + 8.0) < 0.3 * effect.sd + 1.0 and abs(change.mean + 5.0) < 0.3 * change.sd + 1.0


def given_draws(monkeypatch: pytest.MonkeyPatch, offset: float, divergences: int) -> None:
    """Two chains of a normal law, the second moved by `offset` deviations."""
    random = np.random.default_rng(0)
    chains = random.standard_normal((2, 1500)) + np.array([[0.0], [offset]])
    drawn = {"mean effect": chains, "spread between studies": np.abs(random.standard_normal((2, 1500)))}
    monkeypatch.setattr(_bayes, "_draw", lambda model, sampling: (dict(drawn), divergences))


def test_chains_that_do_not_agree_are_a_clear_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    given_draws(monkeypatch, 1.0, 0)
    with pytest.raises(SolverFailed, match="the chains do not agree on mean effect") as caught:
        bayesian_meta_analysis(YI, VI, mean_prior=MEAN, spread_prior=SPREAD)
    assert caught.value.exit_code == 4


def test_divergences_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    given_draws(monkeypatch, 0.0, 2)
    result = bayesian_meta_analysis(YI, VI, mean_prior=MEAN, spread_prior=SPREAD)
    assert result.divergences == 2
    assert result.notes == ("2 divergent transitions: the posterior has a corner that is explored badly",)


def test_without_numpyro_the_part_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: object, **options: object) -> object:
        if name.partition(".")[0] == "numpyro":
            raise ImportError(name)
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingPart, match="NumPyro is not installed") as caught:
        bayesian_meta_analysis(YI, VI, mean_prior=MEAN, spread_prior=SPREAD)
    assert caught.value.exit_code == 6 and "pulposus[bayes]" in caught.value.remedy


def arms(*more: ArmEvidence) -> list[ArmEvidence]:
    return [*CONTROLLED, *more]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: bayesian_meta_analysis(YI, -VI, mean_prior=MEAN, spread_prior=SPREAD),
            "the sampling variance of study 1 is -36",
        ),
        (
            lambda: bayesian_meta_analysis(YI, VI, mean_prior=NormalPrior(0.0, 0.0), spread_prior=SPREAD),
            "the prior normal\\(0, 0\\) is not proper",
        ),
        (
            lambda: bayesian_meta_analysis(YI, VI, mean_prior=MEAN, spread_prior=SpreadPrior("uniform", 1.0)),
            "the prior family 'uniform' is not known",
        ),
        (
            lambda: bayesian_meta_analysis(YI, VI, mean_prior=MEAN, spread_prior=SpreadPrior("half-normal", 0.0)),
            "half-normal\\(0\\) is not proper",
        ),
        (lambda: bayesian_meta_analysis(YI, VI, mean_prior=MEAN, spread_prior=SPREAD, level=95), "the level is 95"),
        (
            lambda: bayesian_meta_analysis(YI, VI, mean_prior=MEAN, spread_prior=SPREAD, sampling=Sampling(10)),
            "10 draws after 1000 in 4 chains",
        ),
        (lambda: bias_adjusted_meta_analysis(UNCONTROLLED, PRIORS), "no study compares cells with a control"),
        (
            lambda: bias_adjusted_meta_analysis(arms(ArmEvidence("x", "sham", 0.0, 1.0)), PRIORS),
            "the kind of evidence 'sham' is not known",
        ),
        (
            lambda: bias_adjusted_meta_analysis(arms(ArmEvidence("x", "cells", math.nan, 1.0)), PRIORS),
            "the cells value of x is nan",
        ),
        (
            lambda: bias_adjusted_meta_analysis(arms(ArmEvidence("x", "cells", 0.0, 0.0)), PRIORS),
            "the sampling variance of x is 0",
        ),
        (
            lambda: bias_adjusted_meta_analysis(arms(ArmEvidence("VAST", "cells", -3.0, 1.0)), PRIORS),
            "VAST has two values of cells",
        ),
        (
            lambda: bias_adjusted_meta_analysis(arms(ArmEvidence("VAST", "difference", -3.0, 1.0)), PRIORS),
            "VAST has a difference beside its arms",
        ),
    ],
)
def test_bad_input_is_one_clear_message(call: object, message: str) -> None:
    assert callable(call)
    with pytest.raises(InvalidInput, match=message):
        call()
