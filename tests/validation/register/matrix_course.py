"""Rows about the matrix after donor cells: 4, 7, 8, 10 to 14."""

from __future__ import annotations

from .studies import WEEK, YEAR, Entry, content, judged, nucleus, over_sham, percent, run, share

# A rabbit's disc two weeks after an injury, and what is injected; the dose is a prior.
RABBIT = (
    "disc.name=rabbit/lumbar",
    "origin.source=bone-marrow",
    "donor.species=rabbit",
    "culture.duration=2 week",
    "dose.cells=1e5 cell",
    "dose.cells_range=null",
    "dose.volume=10 uL",
    "delivery.needle_gauge=30",
)


def dog_wharton() -> list[Entry]:
    """Row 4."""
    result = run(
        "ganey-2003",
        (
            "insults=[{kind: nucleotomy, time_before_treatment: 4 week}]",
            "donor.relation=xenogeneic",
            "donor.species=human",
            "origin.source=wharton-jelly",
            "culture.duration=4 week",
        ),
        24 * WEEK,
    )
    end = 24 * WEEK
    treated, saline, none = (
        result.arms[arm].matrix_rows()[-1]["disc"]["T2_ms"] for arm in ("with_cells", "sham", "native_course")
    )
    left = share(result.with_cells, end)
    study = "beagle nucleotomy, 4 weeks later human Wharton cells (variation of ganey-2003; dose and volume are priors)"
    return [
        Entry(
            "4a",
            study,
            "H",
            "cells found at 24 weeks [V]",
            "more than 0.5 % alive",
            percent(left),
            judged(left > 0.005),
        ),
        Entry(
            "4b",
            study,
            "H",
            "smaller loss of T2 than saline or nothing [V]",
            "T2 above both arms",
            f"T2 {treated:.1f} ms, saline {saline:.1f}, none {none:.1f}; GAG {100 * over_sham(result, end):+.1f} % over saline",
            judged(treated > max(saline, none)),
            "the needle of the injection lets nucleus out in the model, so saline is below nothing",
        ),
    ]


def rabbit_autologous() -> list[Entry]:
    """Rows 7 and 8."""
    stab = run(
        "ganey-2003",
        (*RABBIT, "insults=[{kind: annular-puncture, needle_gauge: 18, time_before_treatment: 2 week}]"),
        10 * WEEK,
    )
    treated, saline = (stab.arms[arm].matrix_rows()[-1]["disc"]["T2_ms"] for arm in ("with_cells", "sham"))
    collagen = (
        nucleus(stab.with_cells, "collagen_II_mg_per_mL", 70.0) / nucleus(stab.sham, "collagen_II_mg_per_mL", 70.0)
        - 1.0
    )
    aspirated = run("ganey-2003", (*RABBIT, "insults=[{kind: aspiration, time_before_treatment: 2 week}]"), 24 * WEEK)
    left, gain = share(aspirated.with_cells, 168.0), over_sham(aspirated, 168.0)
    enzyme = nucleus(aspirated.with_cells, "enzyme", 168.0) / nucleus(aspirated.sham, "enzyme", 168.0) - 1.0
    return [
        Entry(
            "7",
            "rabbit stab, 2 weeks later marrow cells or saline, 10 weeks (variation of ganey-2003; dose a prior)",
            "H, Q",
            "T2, collagen II and aggrecan up [V]",
            "T2, GAG and collagen II above saline",
            f"T2 {treated:.0f} ms against {saline:.0f}; GAG {100 * over_sham(stab, 70.0):+.1f} %, "
            f"collagen II {100 * collagen:+.2f} % over saline",
            judged(treated > saline and over_sham(stab, 70.0) > 0.0 and collagen > 0.0),
        ),
        Entry(
            "8",
            "rabbit aspiration, synovial stem cells taken as marrow cells, 24 weeks (variation of ganey-2003; dose a prior)",
            "H, Q",
            "cells found at 24 weeks; structure kept; MMP down [V]",
            "more than 0.5 % alive, GAG and enzyme better than saline",
            f"{percent(left)} of the cells; GAG {100 * gain:+.1f} %, enzyme {100 * enzyme:+.1f} % over saline",
            judged(left > 0.005 and gain > 0.0 and enzyme < 0.0),
        ),
    ]


def rat_without_factor() -> list[Entry]:
    """Row 10."""
    result = run("crevensten-2004", (), 6 * WEEK)
    collagen = (
        nucleus(result.with_cells, "collagen_II_mg_per_mL", 42.0) / nucleus(result.sham, "collagen_II_mg_per_mL", 42.0)
        - 1.0
    )
    return [
        Entry(
            "10",
            "rat tail, marrow cells, 6 weeks (variation of crevensten-2004; the paper was not found)",
            "H, Q",
            "alive at 2 weeks; proteoglycan, collagen II, height up at 6 weeks [V]",
            "alive at 2 weeks, GAG and collagen II above sham",
            f"{percent(share(result.with_cells, 14.0))} at 2 weeks; GAG {100 * over_sham(result, 42.0):+.0f} %, "
            f"collagen II {100 * collagen:+.0f} % over sham",
            judged(share(result.with_cells, 14.0) > 0.0 and over_sham(result, 42.0) > 0.0 and collagen > 0.0),
            "the size of the gain is not bounded by any law: nothing stops synthesis in a full matrix",
        )
    ]


def goat() -> list[Entry]:
    """Row 11."""
    result = run(
        "freeman-2016",
        (
            "disc.name=goat/lumbar",
            "insults=[{kind: annular-puncture, needle_gauge: 14, time_before_treatment: 1 month}]",
            "dose.carrier=hyaluronan",
            "donor.species=goat",
        ),
        YEAR / 2.0,
    )
    text, gains = [], []
    for month in (3, 6):
        time = month * YEAR / 12.0
        gains.append(over_sham(result, time))
        collagen = (
            nucleus(result.with_cells, "collagen_II_mg_per_mL", time)
            / nucleus(result.sham, "collagen_II_mg_per_mL", time)
            - 1.0
        )
        text.append(f"{month} months: GAG {100 * gains[-1]:+.2f} %, collagen II {100 * collagen:+.2f} % over sham")
    return [
        Entry(
            "11",
            "goat, wide stab (a 14 gauge needle), 1 month later allogeneic marrow cells in gel (variation of freeman-2016)",
            "H",
            "proteoglycan up at 3 and 6 months; collagen and MRI not different [V]",
            "GAG above sham by more than 1 %, collagen II within 3 %",
            "; ".join(text),
            judged(min(gains) > 0.01 and abs(collagen) < 0.03),
            "dose is a prior",
        )
    ]


def sheep() -> list[Entry]:
    """Rows 12 and 13."""
    first = run("freeman-2016")
    before = (
        content(first.history, first.history.times[0])
        if first.history is not None
        else content(first.native_course, 0.0)
    )
    end = first.with_cells.times[-1]
    gain, loss = over_sham(first, end), content(first.native_course, end) / before - 1.0
    doses = {dose: run("oehme-2016", (f"dose.cells={dose:g} cell", "dose.cells_range=null")) for dose in (1e5, 5e5)}
    gains = {dose: over_sham(result, 24 * WEEK) for dose, result in doses.items()}
    return [
        Entry(
            "12a",
            "sheep annulotomy, 6 months later allogeneic precursor cells, 6 months on",
            "H",
            "height recovered against untreated [V]",
            "GAG, in place of height, above the untreated disc",
            f"GAG {content(first.with_cells, end):.1f} mg/mL, sham {content(first.sham, end):.1f}, untreated "
            f"{content(first.native_course, end):.1f} ({100 * gain:+.2f} % over sham)",
            judged(content(first.with_cells, end) > content(first.native_course, end)),
            "on the axis; height waits for mechanics. Dose and volume are priors. The needle takes more than the cells give",
        ),
        Entry(
            "12b",
            "sheep annulotomy alone, 12 months",
            "H",
            "GAG and grade worse [V]",
            "GAG down by more than 5 %",
            f"GAG {100 * loss:+.2f} % since the annulotomy",
            judged(loss < -0.05),
            "the axis has no annulus: the tear acts on it by access only, and an annulotomy starts no lasting cytokine",
        ),
        Entry(
            "13",
            "sheep annular incision, 12 weeks later 1e5 or 5e5 precursor cells, 24 weeks",
            "H",
            "result text not seen [V]",
            "none",
            "; ".join(f"{dose:.0e}: GAG {100 * one:+.2f} % over sham" for dose, one in gains.items()),
            "not computable",
            "there is no observation to compare with; pentosan is not represented",
        ),
    ]


def shepherds() -> list[Entry]:
    """Row 14."""
    result = run(
        "ganey-2003",
        (
            "disc.name=dog/lumbar/grade4",
            "insults=[{kind: discectomy, opening: 3 mm}]",
            "origin.source=bone-marrow",
            "culture.duration=3 week",
        ),
        YEAR,
    )
    gain = over_sham(result, YEAR)
    return [
        Entry(
            "14",
            "German shepherd, natural disease, marrow cells after decompression, 12 months (ganey-2003 in grade IV with discectomy)",
            "H",
            "no effect: height equal, Pfirrmann rose in the treated group [V]",
            "GAG within 5 % of sham",
            f"GAG {100 * gain:+.1f} % over sham, {percent(share(result.with_cells, YEAR))} of the cells",
            judged(abs(gain) < 0.05),
            "dose and volume are priors; the paper's culture took 3 weeks, during which the disc waits",
        )
    ]
