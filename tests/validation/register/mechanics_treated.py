"""Animal discs before and after a treatment: row 19 of mechanics_imaging 3.2, and the predictions of strength and modulus.

What `pulposus mechanics DISC --treatment PROTOCOL` prints.
"""

from __future__ import annotations

from functools import lru_cache

from pulposus.cli._mechanics_treated import Treated, predicted, treated, treated_document

from .mechanics_shared import PARAMETERS
from .studies import Entry, judged

SHIPPED = {
    "rat": "crevensten-2004",
    "rabbit": "masuda-2006",
    "dog": "ganey-2003",
    "sheep": "freeman-2016",
    "minipig": "omlor-2014",
}
"""Built-in protocols of animals."""
_TWELVE_WEEKS = ("follow_up.visits=[]", "follow_up.duration=12 week")


@lru_cache
def _case(disc: str | None, protocol: str, overrides: tuple[str, ...] = ()) -> Treated:
    return treated(disc, protocol, PARAMETERS, overrides)


def sheep_gel() -> list[Entry]:
    """Row 19: nucleotomy of the sheep, marrow cells in hyaluronan, 12 weeks; against the nucleotomy alone."""
    case = _case("sheep/lumbar", "omlor-2014", _TWELVE_WEEKS)
    cells, gel, intact = (predicted(case, moment) for moment in ("with_cells", "sham", "imaged"))
    height, stiffness = (
        100.0 * (a / b - 1.0) for a, b in ((cells.height, gel.height), (cells.stiffness, gel.stiffness))
    )
    return [
        Entry(
            "19", "sheep nucleotomy, marrow cells in hydrogel, 12 weeks (omlor-2014 in the sheep; dose and volume are priors)", "H",
            "no biomechanical difference from nucleotomy; goat stromal cells: proteoglycan up, grade and collagen not [V]",
            "sign: height and stiffness within 5 % of the same procedure without cells",
            f"height {height:+.2f} % ({cells.height:.2f} against {gel.height:.2f} mm, intact {intact.height:.2f}),"
            f" stiffness {stiffness:+.2f} % ({cells.stiffness:.0f} against {gel.stiffness:.0f} N/mm, intact {intact.stiffness:.0f})",
            judged(max(abs(height), abs(stiffness)) <= 5.0),
            "the gel itself takes no room in the mechanics of a run; 5 % is a choice",
        )
    ]  # fmt: skip


def animal_predictions() -> list[dict[str, str]]:
    """Strength and modulus of animal discs: intact, before the treatment, and at the end of two arms."""
    rows = []
    for protocol in SHIPPED.values():
        document = treated_document(_case(None, protocol), PARAMETERS)
        rows += [
            {
                "disc": document["disc"],
                "protocol": protocol,
                "moment": row["moment"],
                "height [mm]": f"{row['height_mm']:.3g}",
                "stiffness [N/mm]": f"{row['stiffness_N_per_mm']:.4g}",
                "elastic modulus [MPa]": f"{row['effective_modulus_MPa']:.2f}",
                "compressive strength [N]": f"{'at least ' if row['lower_bound'] else ''}{row['compressive_strength_N']:.4g}",
                "over intact": f"{row['compressive_strength_over_intact']:.2f}",
            }
            for row in document["moments"]
        ]
    return rows


TREATED_STUDIES = (sheep_gel,)
