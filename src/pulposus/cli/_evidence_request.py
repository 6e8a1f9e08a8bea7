"""What `pulposus evidence meta`, `forest` and `funnel` pool: one declaration of their options, and the pool that they ask for."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_origin, get_type_hints

import typer

from pulposus.cli._evidence_options import Add, Classes, Exclude, Outcome, domain_of, require_classes, require_studies
from pulposus.errors import UsageError

if TYPE_CHECKING:
    from pulposus.evidence import EvidenceBase, MetaResult, Selection

Contrast = Annotated[
    str, typer.Option(help="between-arms or before-after; both, side by side, where left out. They never share a pool.")
]


@dataclasses.dataclass(frozen=True)
class Request:
    """What to pool, in the order of the help: a user's file by its columns, or a selection of the evidence.

    A field that is no option here keeps the place of one that a single command has: the request of that command declares it.
    """

    data: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Your own CSV with one row per study, instead of the shipped evidence."),
    ] = None
    yi: Annotated[str, typer.Option("--yi", metavar="COL", help="Column of the outcomes (with --data).")] = ""
    vi: Annotated[str, typer.Option("--vi", metavar="COL", help="Column of the sampling variances.")] = ""
    sei: Annotated[
        str, typer.Option("--sei", metavar="COL", help="Column of the standard errors, instead of --vi.")
    ] = ""
    mods: list[str] | None = None
    label: Annotated[str, typer.Option("--label", metavar="COL", help="Column of the names of the studies.")] = ""
    mixed: Annotated[
        bool, typer.Option("--mixed", help="Allow controlled and uncontrolled studies in one pool of your data.")
    ] = False
    outcome: Outcome = "VAS"
    month: Annotated[float, typer.Option(min=0.0, help="Months after the treatment.")] = 12.0
    contrast: Contrast = ""
    classes: Classes = None
    exclude: Exclude = None
    nearest: Annotated[bool, typer.Option("--nearest", help="Take the visit nearest to the month, however far.")] = (
        False
    )
    derived_baselines: Annotated[
        bool,
        typer.Option(
            "--derived-baselines",
            help="Turn percent changes into points with the baseline that other arms of the trial imply.",
        ),
    ] = False
    across_classes: Annotated[
        bool, typer.Option("--across-classes", help="Pool all classes of products together as well.")
    ] = False
    cumulative: bool = False
    trim_and_fill: bool = False
    correlation: Annotated[
        float | None,
        typer.Option(min=-1.0, max=1.0, help="Of baseline and follow-up, for the SD of a change; 0.5 where left out."),
    ] = None
    bias_adjusted: bool = False
    seed: int = 0
    add: Add = None
    method: Annotated[
        str, typer.Option(help="Variance between studies: REML, DL, PM, ML, HE, SJ; FE for fixed effects.")
    ] = "REML"
    test: Annotated[str, typer.Option(help="knha (Knapp-Hartung), adhoc or z.")] = "knha"
    level: Annotated[float, typer.Option(help="Level of the intervals.")] = 0.95

    @property
    def model(self) -> dict[str, Any]:
        """Options of every pool."""
        return {"method": self.method, "test": self.test, "level": self.level}

    def pool_of_file(self, file: Path) -> MetaResult:
        """The pool of a user's file.

        Raises:
            UsageError: The column of the outcomes is not named.
        """
        from pulposus.evidence import meta_analysis, read_effects

        if not self.yi:
            raise UsageError("the column of the outcomes is missing", where="option --yi", remedy="add --yi COL")
        table = read_effects(
            file,
            self.yi,
            self.vi,
            sei=self.sei,
            moderators=tuple(self.mods or ()),
            label=self.label,
            mixed=self.mixed,
        )
        return meta_analysis(
            table.yi, table.vi, moderators=dict(table.moderators) or None, labels=table.labels, **self.model
        )

    def require_no_columns(self) -> None:
        """Columns belong to a file.

        Raises:
            UsageError: A column is named.
        """
        for name in ("yi", "vi", "sei", "mods", "label"):
            if getattr(self, name):
                raise UsageError(
                    f"--{name} names a column, but there is no file",
                    where=f"option --{name}",
                    remedy="add --data FILE",
                )

    def selection(self, base: EvidenceBase, contrast: Any) -> Selection:
        """The comparable rows of the evidence, of one contrast."""
        from pulposus.evidence import select

        return select(
            base,
            contrast,
            domain_of(self.outcome),
            self.month,
            nearest=self.nearest,
            classes=require_classes(self.classes),
            exclude=require_studies(base, self.exclude),
            correlation=self.correlation,
            derived_baselines=self.derived_baselines,
        )


def spread_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of its requests: a parameter whose type is a dataclass stands for the options that it declares."""
    hints = get_type_hints(command, include_extras=True)
    requests: dict[str, Any] = {name: kind for name, kind in hints.items() if dataclasses.is_dataclass(kind)}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        parameters += _declared(requests[name]) if name in requests else [parameter.replace(annotation=hints[name])]

    @functools.wraps(command)
    def spread(**values: Any) -> None:
        for name, kind in requests.items():
            values[name] = kind(**{option.name: values.pop(option.name) for option in _declared(kind)})
        command(**values)

    signature = inspect.Signature([one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in parameters])
    spread.__signature__ = signature  # pyright: ignore[reportAttributeAccessIssue]
    return spread


def _declared(request: Any) -> list[inspect.Parameter]:
    """The fields of a request that are options."""
    hints = get_type_hints(request, include_extras=True)
    return [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in dataclasses.fields(request)
        if get_origin(hints[field.name]) is Annotated
    ]
