"""Rows about injuries, growth factors and the clocks of the species: 17 to 20, 27, 28."""

from __future__ import annotations

from .studies import WEEK, YEAR, Entry, cells, content, judged, nucleus, over_sham, percent, run

PUNCTURE = "insults=[{kind: annular-puncture, needle_gauge: 18, time_before_treatment: 4 week}]"


def animals_attenuate() -> list[Entry]:
    """Rows 17 and 18."""
    gains = {}
    for species, disc in (
        ("mouse", "mouse/tail"),
        ("rat", "rat/tail"),
        ("rabbit", "rabbit/lumbar"),
        ("sheep", "sheep/lumbar"),
        ("human", "human/L4-L5/grade3"),
    ):
        # A tenth of the nucleus, at two million cells per mL of nucleus, so that only clock, size and nutrition differ.
        volume = float(run("no-treatment", (f"disc.name={disc}",), 1.0).native_course.model.where.nucleus.sum()) * 1e-3
        result = run(
            "ganey-2003",
            (
                f"disc.name={disc}",
                PUNCTURE,
                "origin.source=bone-marrow",
                f"donor.species={species}",
                "culture.duration=4 week",
                f"dose.cells={2e6 * volume:.6g} cell",
                "dose.cells_range=null",
                f"dose.volume={0.1 * volume:.6g} mL",
                "delivery.needle_gauge=30",
            ),
            24 * WEEK,
        )
        gains[species] = over_sham(result, 24 * WEEK)
    fast, slow = min(gains[one] for one in ("mouse", "rat", "rabbit")), gains["sheep"]
    text = ", ".join(f"{species} {100 * gain:+.1f} %" for species, gain in gains.items())
    return [
        Entry(
            "17",
            "pooled 22 controlled animal studies",
            "Q",
            "standardised differences: height index 3.64, T2 2.28, collagen II mRNA 3.68, grade -2.97 [V]",
            "none",
            "a standardised difference needs the spread between animals of a trial",
            "not computable",
            "publication bias",
        ),
        Entry(
            "18",
            "the same cells per volume of nucleus, 4 weeks after an 18 gauge puncture, in five species, 24 weeks",
            "Q",
            "height better in rabbit, mouse, sheep, rat; sheep height itself no different (P = 0.355) [V]",
            "GAG gain over sham larger in mouse, rat and rabbit than in sheep, and in sheep than in man",
            text,
            judged(fast > slow > gains["human"]),
            "attenuation with the clock of the species; GAG in place of height",
        ),
    ]


def rabbit_growth_factor() -> list[Entry]:
    """Row 19."""
    treated = run("masuda-2006")
    lactose, none = treated.sham, treated.native_course
    healthy = content(run("no-treatment", ("disc.name=rabbit/lumbar",), 1.0).native_course, 0.0)
    weeks = (0, 2, 6, 24)
    course = {
        week: (
            content(treated.with_cells, week * WEEK) / healthy,
            content(lactose, week * WEEK) / healthy,
            content(none, week * WEEK) / healthy,
        )
        for week in weeks
    }
    text = "; ".join(
        f"{week} wk: OP-1 {percent(one)}, lactose {percent(other)}, puncture alone {percent(third)}"
        for week, (one, other, third) in course.items()
    )
    study = "rabbit, 18 gauge puncture, 4 weeks later OP-1 or lactose; GAG over healthy, in place of height"
    return [
        Entry(
            "19a",
            study,
            "T",
            "OP-1 height back by 6 weeks, kept at 24 [V]",
            "OP-1 above 95 % at 6 weeks and above lactose at 24",
            text,
            judged(course[6][0] > 0.95 and course[24][0] > course[24][1]),
            "the rabbit clock is tuned to this row",
        ),
        Entry(
            "19b",
            study,
            "H",
            "lactose did not change the narrowing [V]",
            "within 3 % of the puncture alone at 24 weeks",
            text,
            judged(abs(course[24][1] / course[24][2] - 1.0) < 0.03),
            "the second needle lets out nucleus again",
        ),
        Entry(
            "19c",
            study,
            "T",
            "narrowing by 4 weeks [V]",
            "GAG below 95 % of healthy at the injection, before its needle",
            percent(course[0][2]),
            judged(course[0][2] < 0.95),
        ),
    ]


def dog_growth_factor() -> list[Entry]:
    """Row 20."""
    gains = {
        dose: over_sham(
            run(
                "willems-2015",
                ("disc.name=dog/lumbar/grade3", f"dose.growth_factor={{name: BMP-7, amount: {dose:g} ug}}"),
            ),
            YEAR / 2.0,
        )
        for dose in (2.5, 25.0, 250.0)
    }
    return [
        Entry(
            "20",
            "spontaneously degenerated dog (grade III), BMP-7 2.5, 25, 250 ug, 6 months",
            "H",
            "no regeneration over 6 months; bone outside at 25 ug and more [V]",
            "GAG gain over saline below 5 %",
            "; ".join(f"{dose:g} ug: {100 * gain:+.1f} %" for dose, gain in gains.items()),
            judged(max(gains.values()) < 0.05),
            "bone outside the disc is a flag, not a computation",
        )
    ]


def rat_needles() -> list[Entry]:
    """Row 27."""
    found = {}
    for gauge in (18, 21, 25):
        result = run(
            "no-treatment",
            ("disc.name=rat/tail", f"insults=[{{kind: annular-puncture, needle_gauge: {gauge}}}]"),
            6 * WEEK,
        )
        found[gauge] = [
            content(result.sham, week * WEEK) / content(result.native_course, week * WEEK) for week in (2, 4, 6)
        ]
    text = "; ".join(f"{gauge} G: " + ", ".join(percent(one) for one in shares) for gauge, shares in found.items())
    ordered = all(found[18][number] < found[21][number] < found[25][number] for number in range(3))
    return [
        Entry(
            "27",
            "rat tail, 18, 21 and 25 gauge, GAG over the intact disc at 2, 4, 6 weeks",
            "T",
            "severity ordered by needle, clear at 2 weeks [V]",
            "ordered at each time, 18 gauge below 90 % at 2 weeks",
            text,
            judged(ordered and found[18][0] < 0.9),
        )
    ]


def rabbit_endplate() -> list[Entry]:
    """Row 28."""
    result = run(
        "no-treatment",
        ("disc.name=rabbit/lumbar", "insults=[{kind: endplate-fracture, face: superior, radius: 1.5 mm}]"),
        4 * WEEK,
    )
    levels = {day: nucleus(result.sham, "cytokine", day) for day in (0.0, 3.0, 7.0, 14.0)}
    killed = 1.0 - cells(result.sham, 0.0)["native_alive_fraction"]
    return [
        Entry(
            "28",
            "rabbit endplate burst (in vivo supply; the paper's was ex vivo)",
            "T",
            "LDH up for 3 d, TNF, FasL, MMP up through 9 d [V]",
            "cytokine above twice its start at 3 and 7 d, back at 14 d; cells killed",
            ", ".join(f"cytokine {level:.2f} at {day:g} d" for day, level in levels.items())
            + f"; {percent(killed)} of the native cells dead or gone",
            judged(min(levels[3.0], levels[7.0]) > 2.0 * levels[0.0] > levels[14.0] and killed > 0.0),
        )
    ]
