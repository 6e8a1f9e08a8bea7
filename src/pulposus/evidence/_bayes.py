"""Bayesian random effects, with half-normal or half-Cauchy priors of the spread between studies.

    y_i ~ N(mu, v_i + tau²),  mu ~ N(m, s²),  tau ~ half-normal(scale) or half-Cauchy(scale)
    a new study: theta ~ N(mu, tau²)

The effects of the studies are integrated out, so the sampler moves in two dimensions. With few studies the prior of tau decides how wide
the result is: it has no default, has to be given in the unit of the outcome, and should be varied (Gelman 2006, doi:10.1214/06-BA117A;
Röver et al. 2021, doi:10.1002/jrsm.1475). Needs NumPyro (extra `bayes`); sampled with NUTS.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pulposus.errors import InvalidInput, MissingPart, SolverFailed
from pulposus.evidence._study_data import FloatArray, require_choice, require_level, study_data

FAMILIES = ("half-normal", "half-cauchy")
# Vehtari et al. 2021, doi:10.1214/20-BA1221: chains agree below this, and need this many effective draws.
_MOST_R_HAT = 1.01
_FEWEST_DRAWS = 400.0


@dataclass(frozen=True)
class NormalPrior:
    """Normal prior of a mean, in units of the outcome."""

    mean: float
    sd: float


@dataclass(frozen=True)
class SpreadPrior:
    """Prior of a standard deviation between studies, in units of the outcome."""

    family: str
    scale: float


@dataclass(frozen=True)
class Sampling:
    """How the posterior is sampled.

    Attributes:
        draws: Kept draws of each chain.
        warmup: Draws of each chain that are thrown away.
        chains: Number of chains.
        seed: Seed.
    """

    draws: int = 2000
    warmup: int = 1000
    chains: int = 4
    seed: int = 0


@dataclass(frozen=True)
class Posterior:
    """What the data and the priors say about one quantity.

    Attributes:
        name: The quantity.
        mean: Posterior mean.
        sd: Posterior standard deviation.
        median: Posterior median.
        low: Lower bound of the equal-tailed interval.
        high: Upper bound.
        below_zero: Probability that it lies below 0.
        r_hat: Agreement of the chains; 1 is best.
        effective_draws: Effective number of draws.
    """

    name: str
    mean: float
    sd: float
    median: float
    low: float
    high: float
    below_zero: float
    r_hat: float
    effective_draws: float


@dataclass(frozen=True)
class BayesResult:
    """Posterior of a model.

    Attributes:
        quantities: Posterior of every quantity, by name.
        level: Level of the intervals.
        divergences: Transitions that NUTS could not follow.
        priors: The priors in words.
        notes: What a reader should know.
    """

    quantities: Mapping[str, Posterior]
    level: float
    divergences: int
    priors: tuple[str, ...]
    notes: tuple[str, ...]


def bayesian_meta_analysis(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    mean_prior: NormalPrior,
    spread_prior: SpreadPrior,
    level: float = 0.95,
    labels: Sequence[str] | None = None,
    sampling: Sampling | None = None,
) -> BayesResult:
    """Posterior of the mean effect, of the spread between studies and of the effect in a new study.

    Args:
        yi: Outcomes of the studies.
        vi: Their sampling variances.
        mean_prior: Prior of the mean effect.
        spread_prior: Prior of the spread tau.
        level: Level of the intervals.
        labels: Names of the studies.
        sampling: Draws, chains and seed.

    Returns:
        Quantities `mean effect`, `spread between studies`, `effect in a new study`.

    Raises:
        InvalidInput: Values or priors that cannot be used.
        MissingPart: NumPyro is not installed.
        SolverFailed: The chains do not agree.
    """
    data = study_data(yi, vi, labels=labels)
    check_priors((mean_prior,), (spread_prior,))
    numpyro = require_numpyro()

    def model() -> None:
        mean = numpyro.sample("mean effect", normal(mean_prior))
        spread = numpyro.sample("spread between studies", half(spread_prior))
        deviation = numpyro.distributions.Normal(mean, (data.vi + spread**2) ** 0.5)
        numpyro.sample("outcomes", deviation, obs=np.asarray(data.yi))

    priors = (f"mean effect: {in_words(mean_prior)}", f"spread between studies: {in_words(spread_prior)}")
    return run(
        model, sampling or Sampling(), level=level, priors=priors, centre="mean effect", spread="spread between studies"
    )


def require_numpyro() -> Any:
    """NumPyro in double precision.

    Raises:
        MissingPart: It is not installed.
    """
    from pulposus import _backend  # noqa: F401

    try:
        import numpyro
        import numpyro.distributions
        import numpyro.infer
    except ImportError as error:
        raise MissingPart(
            "NumPyro is not installed", where="evidence", remedy="pip install 'pulposus[bayes]'"
        ) from error
    return numpyro


def normal(prior: NormalPrior) -> Any:
    """Normal distribution of a prior."""
    return require_numpyro().distributions.Normal(prior.mean, prior.sd)


def half(prior: SpreadPrior) -> Any:
    """Half-normal or half-Cauchy distribution of a prior."""
    distributions = require_numpyro().distributions
    return (distributions.HalfNormal if prior.family == "half-normal" else distributions.HalfCauchy)(prior.scale)


def in_words(prior: NormalPrior | SpreadPrior) -> str:
    """A prior as people read it."""
    if isinstance(prior, NormalPrior):
        return f"normal({prior.mean:g}, {prior.sd:g})"
    return f"{prior.family}({prior.scale:g})"


def check_priors(means: Sequence[NormalPrior], spreads: Sequence[SpreadPrior]) -> None:
    """Priors are proper."""
    for mean in means:
        if not (math.isfinite(mean.mean) and math.isfinite(mean.sd) and mean.sd > 0.0):
            raise InvalidInput(
                f"the prior {in_words(mean)} is not proper",
                where="prior",
                allowed="a finite mean and a deviation above 0",
            )
    for spread in spreads:
        require_choice(spread.family, FAMILIES, "prior family")
        if not (math.isfinite(spread.scale) and spread.scale > 0.0):
            raise InvalidInput(f"the prior {in_words(spread)} is not proper", where="prior", allowed="a scale above 0")


def run(
    model: Callable[[], None],
    sampling: Sampling,
    *,
    level: float,
    priors: tuple[str, ...],
    centre: str,
    spread: str,
    notes: tuple[str, ...] = (),
) -> BayesResult:
    """Sample a model with NUTS and summarise its quantities and the effect in a new study, N(centre, spread²).

    The new effect is drawn after the others: as part of the sampled space it would be a funnel where the spread is near 0.

    Raises:
        InvalidInput: Numbers of draws or chains that cannot be used.
        SolverFailed: The chains do not agree or the draws are too few.
    """
    require_level(level)
    if min(sampling.draws, sampling.warmup) < 100 or sampling.chains < 2:
        raise InvalidInput(
            f"{sampling.draws} draws after {sampling.warmup} in {sampling.chains} chains",
            where="sampling",
            allowed="at least 100, 100 and 2",
        )
    drawn, divergences = _draw(model, sampling)
    random = np.random.default_rng(sampling.seed)
    drawn["effect in a new study"] = drawn[centre] + drawn[spread] * random.standard_normal(drawn[centre].shape)
    quantities = {name: _posterior(name, values, level) for name, values in drawn.items()}
    for one in quantities.values():
        if not one.r_hat < _MOST_R_HAT or one.effective_draws < _FEWEST_DRAWS:
            raise SolverFailed(
                f"the chains do not agree on {one.name} (R-hat {one.r_hat:.3f}, {one.effective_draws:.0f} effective draws)",
                where="sampling",
                allowed=f"R-hat below {_MOST_R_HAT} and {_FEWEST_DRAWS:.0f} effective draws",
                remedy="take more draws, or a prior that is less wide",
            )
    if divergences:
        notes = (*notes, f"{divergences} divergent transitions: the posterior has a corner that is explored badly")
    return BayesResult(quantities, level, divergences, priors, notes)


def _draw(model: Callable[[], None], sampling: Sampling) -> tuple[dict[str, FloatArray], int]:
    """Draws of every quantity that is not observed, shape (chains, draws), and the number of divergent transitions."""
    numpyro = require_numpyro()
    import jax

    sampler = numpyro.infer.MCMC(
        numpyro.infer.NUTS(model, target_accept_prob=0.95),
        num_warmup=sampling.warmup,
        num_samples=sampling.draws,
        num_chains=sampling.chains,
        chain_method="vectorized",
        progress_bar=False,
    )
    sampler.run(jax.random.PRNGKey(sampling.seed), extra_fields=("diverging",))
    samples = sampler.get_samples(group_by_chain=True)
    diverging = np.asarray(sampler.get_extra_fields()["diverging"])
    return {name: np.asarray(values, dtype=np.float64) for name, values in samples.items()}, int(diverging.sum())


def _posterior(name: str, drawn: FloatArray, level: float) -> Posterior:
    """Summary of draws of shape (chains, draws)."""
    from numpyro.diagnostics import effective_sample_size, split_gelman_rubin

    beyond = 0.5 * (1.0 - level)
    low, median, high = np.quantile(drawn, [beyond, 0.5, 1.0 - beyond])
    return Posterior(
        name=name,
        mean=float(drawn.mean()),
        sd=float(drawn.std(ddof=1)),
        median=float(median),
        low=float(low),
        high=float(high),
        below_zero=float(np.mean(drawn < 0.0)),
        r_hat=float(split_gelman_rubin(drawn)),
        effective_draws=float(effective_sample_size(drawn)),
    )
