"""The published manual masks, where they are at hand: PULPOSUS_MASKS names their folder (doi 10.21037/qims.2016.08.01)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from import_masks import table
from pulposus.errors import InvalidInput
from pulposus.images import import_disc

FOLDER = os.environ.get("PULPOSUS_MASKS", "")
pytestmark = pytest.mark.skipif(not FOLDER, reason="PULPOSUS_MASKS names no folder")


@pytest.mark.slow
def test_nine_of_ten_discs_hold_every_criterion():
    rows = table(Path(FOLDER))
    accepted = [row for row in rows if row["status"] == "accepted"]
    assert len(rows) == 125
    # The criteria of the import: at most 10 % refused; a refused disc is a miss.
    assert len(accepted) >= 0.9 * len(rows)
    assert sum(abs(row["dV_percent"]) <= 3.0 for row in accepted) >= 0.9 * len(rows)
    assert sum(row["dice"] >= 0.92 for row in accepted) >= 0.9 * len(rows)
    assert sum(abs(row["d_height_mm"]) <= 0.5 for row in accepted) >= 0.9 * len(rows)
    # Not a criterion that holds in nine of ten: the depth in the table is the greatest extent over slices drawn by hand, which differ by a
    # millimetre. A smooth outline goes through their mean, so the error is free of bias, and within 1 mm in three of four.
    depths = [row["d_depth_mm"] for row in rows]
    assert abs(sum(depths) / len(depths)) <= 0.25
    assert sum(abs(depth) <= 1.0 for depth in depths) >= 0.75 * len(rows)


def test_the_raw_header_is_refused_with_what_leads_to_success():
    path = next(Path(FOLDER).glob("raw-header_*"))
    with pytest.raises(InvalidInput, match="impossible") as caught:
        import_disc(path, "L4-L5", 102)
    words = caught.value.remedy.split("try ")[1].split(" (")[0].split()
    assert import_disc(path, "L4-L5", 102, spacing=words[1], axes=words[3]).status == "accepted"
