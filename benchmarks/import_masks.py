"""Import every disc of a folder of masks and compare with measured dimensions.

    python benchmarks/import_masks.py FOLDER [--subjects 1,2,3] [--csv table.csv]

The folder holds `subject-NN_*.nii.gz` and `dimensions.csv` with the columns subject, level, label, volume_mm3, depth_ap_mm and
mean_height_mm: voxels times their size, extent of the mask along the image's anterior axis, and volume over the area of the mask seen
along the cranial axis.
The fitted disc is measured in the same way. A refused disc is a miss in every line of the summary. The masks themselves
(Menezes-Reis et al., doi 10.21037/qims.2016.08.01) are not part of the project.
"""

from __future__ import annotations

import argparse
import csv
import statistics
from pathlib import Path

from pulposus.errors import PulposusError
from pulposus.images import import_disc

COLUMNS = (
    "subject",
    "level",
    "status",
    "dV_percent",
    "d_depth_mm",
    "d_height_mm",
    "dice",
    "distance_mm",
    "seconds",
    "reasons",
)


def table(folder: Path, subjects: set[int] | None = None) -> list[dict[str, object]]:
    """One row per disc of `dimensions.csv`."""
    rows = []
    with (folder / "dimensions.csv").open(encoding="utf-8") as file:
        truths = [truth for truth in csv.DictReader(file) if subjects is None or int(truth["subject"]) in subjects]
    for truth in truths:
        mask = next(folder.glob(f"subject-{int(truth['subject']):02d}_*"))
        row: dict[str, object] = {"subject": int(truth["subject"]), "level": truth["level"]}
        try:
            found = import_disc(mask, truth["level"], int(truth["label"])).as_dict()
        except PulposusError as error:
            rows.append({**row, "status": "error", "reasons": error.what})
            continue
        rows.append(
            {
                **row,
                "status": found["status"],
                "dV_percent": 100.0 * (found["volume_mm3"] / float(truth["volume_mm3"]) - 1.0),
                "d_depth_mm": found["depth_mm"] - float(truth["depth_ap_mm"]),
                "d_height_mm": found["height_mean_mm"] - float(truth["mean_height_mm"]),
                "dice": found["dice"],
                "distance_mm": found["mean_surface_distance_mm"],
                "seconds": found["seconds"],
                "reasons": " ".join(found["reasons"]),
            }
        )
    return rows


def summary(rows: list[dict[str, object]]) -> list[str]:
    """The criteria with their shares, refused discs counted as misses."""
    accepted = [row for row in rows if row["status"] == "accepted"]
    fitted = [row for row in rows if row["status"] != "error"]

    def share(name: str, limit: float) -> str:
        hits = sum(abs(row[name]) <= limit for row in accepted)
        values = [row[name] for row in fitted]
        mean, spread = statistics.mean(values), statistics.pstdev(values)
        median = statistics.median(map(abs, values))
        return f"{100.0 * hits / len(rows):5.1f} %   mean {mean:+.2f}, SD {spread:.2f}, median |d| {median:.2f}"

    dice = [row["dice"] for row in fitted]
    seconds = [row["seconds"] for row in fitted]
    distances = [row["distance_mm"] for row in fitted]
    return [
        f"discs                      {len(rows)}, refused {100.0 * (1.0 - len(accepted) / len(rows)):.1f} %",
        f"volume within 3 %          {share('dV_percent', 3.0)}",
        f"depth within 1 mm          {share('d_depth_mm', 1.0)}",
        f"mean height within 0.5 mm  {share('d_height_mm', 0.5)}",
        f"Dice at least 0.92         {100.0 * sum(row['dice'] >= 0.92 for row in accepted) / len(rows):5.1f} %"
        f"   mean {statistics.mean(dice):.3f}, least {min(dice):.3f}",
        f"surface distance           mean {statistics.mean(distances):.2f} mm, largest {max(distances):.2f} mm",
        f"seconds per disc           median {statistics.median(seconds):.2f}, largest {max(seconds):.2f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--subjects", help="numbers with commas; all where left out")
    parser.add_argument("--csv", type=Path, help="write the table here")
    options = parser.parse_args()
    subjects = {int(number) for number in options.subjects.split(",")} if options.subjects else None
    rows = table(options.folder, subjects)
    for row in rows:
        print(
            "  ".join(
                f"{row.get(name, ''):.3f}" if isinstance(row.get(name), float) else str(row.get(name, ""))
                for name in COLUMNS
            )
        )
    print("\n".join(summary(rows)))
    if options.csv:
        with options.csv.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
