"""`pulposus evidence meta`: pools of the shipped evidence and of anybody's data."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pulposus.cli._evidence_options import (
    RESEARCH_USE,
    contrasts_of,
    domain_of,
    evidence_base,
    require_classes,
    require_studies,
)
from pulposus.cli._evidence_request import Request, spread_options
from pulposus.cli._output import Json, print_json, print_note, print_text
from pulposus.errors import UsageError

if TYPE_CHECKING:
    from pulposus.evidence import EvidenceBase, Pool, Selection

EVENTS = ("surgery", "any-serious")
"""Outcomes of `meta` that are shares of patients with an event."""


@dataclasses.dataclass(frozen=True)
class MetaRequest(Request):
    """What `meta` pools."""

    mods: Annotated[
        list[str] | None, typer.Option("--mods", metavar="COL", help="Column of a meta-regression; may be repeated.")
    ] = None
    bias_adjusted: Annotated[
        bool,
        typer.Option(
            "--bias-adjusted",
            help="One Bayesian model that tells the effect from the change that comes anyway (back pain).",
        ),
    ] = False
    seed: Annotated[int, typer.Option(min=0, help="Seed of the Bayesian model.")] = 0


@spread_options
def meta(request: MetaRequest, as_json: Json = False) -> None:
    """Pool studies: your own CSV (--data), or the shipped evidence by outcome, month and class; surgery and any-serious are shares."""
    if request.data is not None:
        _print_file(request, request.data, as_json=as_json)
        return
    request.require_no_columns()
    base = evidence_base(request.add)
    about = {"version": base.version, "sha256": base.digest, "text_read": base.text_read}
    if request.outcome in EVENTS:
        _print_events(base, request, about, as_json=as_json)
    elif request.bias_adjusted:
        _print_bias_adjusted(base, request, about, as_json=as_json)
    else:
        _print_pools(base, request, about, as_json=as_json)


def _print_file(request: MetaRequest, file: Path, *, as_json: bool) -> None:
    from pulposus.cli._evidence_pool_text import result_lines

    result = request.pool_of_file(file)
    if as_json:
        print_json({**result.as_dict(), "data": str(file), "research_use_only": True})
    else:
        print_text(str(file), *result_lines(result), "", RESEARCH_USE)


def _print_pools(base: EvidenceBase, request: MetaRequest, about: dict[str, str], *, as_json: bool) -> None:
    from pulposus.cli._evidence_pool_text import pool_lines

    pools: list[Pool] = []
    for kind in contrasts_of(request.contrast):
        pools += _pools(request.selection(base, kind), request)
    if as_json:
        print_json({"pools": [one.as_dict() for one in pools], "evidence": about, "research_use_only": True})
        return
    lines = [line for one in pools for line in (*pool_lines(one), "")]
    left = {f"{one.study_id} ({one.reason})" for pool in pools for one in pool.left_out}
    print_text(*lines, f"left out: {'; '.join(sorted(left)) or 'nothing'}", "", RESEARCH_USE)


def _print_events(base: EvidenceBase, request: MetaRequest, about: dict[str, str], *, as_json: bool) -> None:
    from pulposus.cli._evidence_pool_text import event_lines
    from pulposus.evidence import pool_events

    category: Any = request.outcome
    excluded = tuple(require_studies(base, request.exclude))
    found = pool_events(base, category, request.month, exclude=excluded, level=request.level)
    if as_json:
        print_json({**found.as_dict(), "level": request.level, "evidence": about, "research_use_only": True})
    else:
        print_text(*event_lines(found, request.level), "", RESEARCH_USE)


def _print_bias_adjusted(base: EvidenceBase, request: MetaRequest, about: dict[str, str], *, as_json: bool) -> None:
    from pulposus.cli._evidence_pool_text import posterior_lines
    from pulposus.evidence import Sampling, arm_evidence, bias_adjusted_pool

    if domain_of(request.outcome) != "back pain":
        raise UsageError(
            "the bias-adjusted model knows back pain only", where="option --bias-adjusted", allowed="--outcome VAS"
        )
    rows = arm_evidence(
        base,
        request.month,
        nearest=request.nearest,
        derived_baselines=request.derived_baselines,
        classes=require_classes(request.classes),
        exclude=require_studies(base, request.exclude),
        correlation=request.correlation,
    )
    print_note(f"sampling the posterior of {len(rows)} arms")
    found = bias_adjusted_pool(rows, level=request.level, sampling=Sampling(seed=request.seed))
    if as_json:
        arms = [dataclasses.asdict(row) for row in rows]
        print_json({**dataclasses.asdict(found), "arms": arms, "evidence": about, "research_use_only": True})
    else:
        print_text(*posterior_lines(found, rows), "", RESEARCH_USE)


def _pools(selection: Selection, request: MetaRequest) -> list[Pool]:
    """Every class apart, and all together where asked for; an empty selection is one pool that says so."""
    from pulposus.evidence import pool, pools_by_class

    apart = list(pools_by_class(selection, **request.model))
    if request.across_classes and len(apart) > 1:
        apart.append(pool(selection, across_classes=True, **request.model))
    return apart or [pool(selection, **request.model)]
