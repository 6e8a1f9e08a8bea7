"""What lies around the disc, its labels, and findings as explicit fields (mechanics_imaging 4.3)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pulposus.disc import load_disc
from pulposus.errors import InvalidInput
from pulposus.parameters import ParameterSet
from pulposus.readouts import DiscView, Findings, Scene, graded_view, lay_out, scene_of
from pulposus.readouts._findings import FindingSizes, check_findings, intensity_zone, posterior_rise
from pulposus.readouts._scene import sample
from pulposus.readouts._tissues import BLOOD, CORD, CSF, DISC, FAT, LIGAMENT, MARROW, NOTHING, Samples


def _samples(scene: Scene, step: float = 0.8) -> tuple[Samples, np.ndarray]:
    """The median plane on an even grid (points, and y and z of them)."""
    y, z = np.meshgrid(np.arange(-75.0, 45.0, step), np.arange(-50.0, 50.0, step), indexing="ij")
    points = np.stack([np.zeros(y.size) + 0.01, y.ravel(), z.ravel()], axis=-1)
    return sample(scene, points), points


def test_every_point_is_something(scene: Scene) -> None:
    found, _ = _samples(scene)
    assert (found.kind != NOTHING).all()
    assert set(np.unique(found.kind)) >= {CSF, MARROW, FAT, CORD, LIGAMENT, BLOOD, DISC}
    assert np.isfinite(found.transverse).all()
    assert (found.transverse > 0.0).all()


def test_labels_are_those_of_totalspineseg(scene: Scene) -> None:
    """L3-L4 94, L4-L5 95, L5-S1 100 from above; L3 43, L4 44, L5 45, S1 50; canal 2 (mechanics_imaging 1.6)."""
    found, points = _samples(scene)
    assert set(np.unique(found.label)) == {0, 2, 43, 44, 45, 50, 94, 95, 100}
    heights = [points[found.label == label][:, 2].mean() for label in (50, 100, 45, 95, 44, 94, 43)]
    # Posterior elements hang lower than their bodies, but the order of the bodies holds.
    bodies = [points[(found.label == label) & (points[:, 1] > -15.0)][:, 2].mean() for label in (50, 45, 44, 43)]
    assert bodies == sorted(bodies)
    assert heights[1] < heights[3] < heights[5]
    assert (points[found.label == 2][:, 1] < points[found.label == 95][:, 1].min() + 8.0).all()


def test_the_treated_disc_has_its_own_volume(scene: Scene) -> None:
    """Points with label 95 in the box of the disc: the volume of the mesh, 1.5 % by 30,000 points at random."""
    disc = scene.spine.treated.disc
    random = np.random.default_rng(1)
    low, high = np.array([-26.0, -20.0, -12.0]), np.array([26.0, 20.0, 12.0])
    found = sample(scene, random.uniform(low, high, (30_000, 3)))
    volume = (found.label == 95).mean() * np.prod(high - low)
    assert volume == pytest.approx(disc.nodal_volumes.sum(), rel=0.03)


def test_each_level_has_its_neighbours(parameters: ParameterSet) -> None:
    names = {}
    for level in ("L1-L2", "L5-S1"):
        disc = graded_view(load_disc(f"human/{level}/grade2", "coarse", parameters), parameters)
        spine = scene_of(disc, parameters).spine
        names[level] = [posed.level for posed in spine.discs], [one.name for one in spine.vertebrae], spine.sacrum
    assert names["L1-L2"] == (["L2-L3", "L1-L2"], ["L3", "L2", "L1"], False)
    assert names["L5-S1"] == (["L5-S1", "L4-L5"], ["S1", "L5", "L4"], True)


def test_the_cord_ends_above_l1_l2(parameters: ParameterSet) -> None:
    disc = graded_view(load_disc("human/L1-L2/grade2", "coarse", parameters), parameters)
    found, points = _samples(scene_of(disc, parameters))
    cord = points[found.label == 1]
    assert len(cord) > 10
    assert cord[:, 2].min() > 0.0


def test_neighbours_touch_their_vertebrae(scene: Scene) -> None:
    """Going up from the middle of the treated disc one meets endplate, bone, marrow, bone, endplate, the disc above."""
    z = np.arange(0.0, 48.0, 0.1)
    above = scene.spine.discs[2]
    line = np.stack([np.full_like(z, 0.01), np.interp(z, [0.0, above.origin[2]], [0.0, above.origin[1]]), z], axis=-1)
    found = sample(scene, line)
    order = [int(found.kind[0])]
    for kind in found.kind:
        if kind != order[-1]:
            order.append(int(kind))
    assert order[:5] == [DISC, LIGAMENT, MARROW, LIGAMENT, DISC]
    marrow = z[found.kind == MARROW]
    # 27 mm from face to face less two bony endplates of 0.7 mm; faces are hollow by up to 2 mm.
    assert np.ptp(marrow[marrow < 40.0]) == pytest.approx(25.6, abs=2.0)


def test_findings_that_cannot_be_are_refused(grades: list[DiscView], parameters: ParameterSet) -> None:
    sizes = FindingSizes.from_parameters(parameters)
    with pytest.raises(InvalidInput, match="no Modic type 4"):
        check_findings(Findings(modic=4), grades[3], sizes)
    with pytest.raises(InvalidInput, match="cannot be negative"):
        check_findings(Findings(bulge=-1.0), grades[3], sizes)
    with pytest.raises(InvalidInput, match="has no vacuum"):
        check_findings(Findings(vacuum=True), grades[2], sizes)
    with pytest.raises(InvalidInput, match="no fissure"):
        check_findings(Findings(high_intensity_zone=True), grades[0], sizes)
    with pytest.raises(InvalidInput, match="no grade 6"):
        scene_of(grades[0], parameters, neighbour_grade=6)
    with pytest.raises(InvalidInput, match="below and the disc above"):
        lay_out(grades[0], [None], parameters)


def _with(scene: Scene, findings: Findings) -> Scene:
    return replace(scene, findings={scene.spine.treated.level: findings})


def test_a_vacuum_gives_no_signal(scenes: list[Scene]) -> None:
    plain, _ = _samples(scenes[4])
    empty, _ = _samples(_with(scenes[4], Findings(vacuum=True)))
    gone = (empty.proton_density == 0.0) & (plain.proton_density > 0.0)
    assert gone.sum() > 5
    assert (empty.disc_tissue[gone] == 0).all()


def test_a_high_intensity_zone_lies_in_the_posterior_annulus(scenes: list[Scene], parameters: ParameterSet) -> None:
    """T2 150 ms; an ellipsoid of 3 mm lies within its disc."""
    scene = scenes[3]
    found, points = _samples(_with(scene, Findings(high_intensity_zone=True)), 0.3)
    bright = found.transverse == 150.0
    assert bright.sum() > 10
    assert (found.disc_tissue[bright] == 1).all()
    disc = scene.spine.treated.disc
    assert (points[bright, 1] < disc.rim[:, 1].mean()).all()
    assert np.ptp(points[bright], axis=0).max() <= 3.0
    zone = intensity_zone(disc, FindingSizes.from_parameters(parameters), scene.spine.treated.local(points))
    assert (zone[bright]).all()


@pytest.mark.parametrize(("modic", "t1", "t2"), [(1, 1.8, 2.0), (2, 0.6, 1.25), (3, 1.3, 0.35)])
def test_modic_changes_the_marrow_beside_the_disc(scene: Scene, modic: int, t1: float, t2: float) -> None:
    """Marrow 2 mm from the endplate has nearly the full factor, marrow in the middle of the body none."""
    found, points = _samples(_with(scene, Findings(modic=modic)))
    plain, _ = _samples(scene)
    marrow = (found.kind == MARROW) & (points[:, 1] > -15.0)
    ratios = found.transverse[marrow] / plain.transverse[marrow]
    other = found.longitudinal[marrow] / plain.longitudinal[marrow]
    extreme = ratios[np.argmax(np.abs(np.log(ratios)))]
    assert extreme == pytest.approx(t2, rel=0.02)
    assert other[np.argmax(np.abs(np.log(other)))] == pytest.approx(t1, rel=0.02)
    assert np.isclose(ratios, 1.0, atol=1e-3).mean() > 0.2


def test_a_schmorl_node_stands_in_the_body_above(scene: Scene) -> None:
    found, points = _samples(_with(scene, Findings(schmorl=True)), 0.4)
    plain, _ = _samples(scene, 0.4)
    node = (found.label == 95) & (plain.label != 95)
    height = points[node][:, 2]
    top = scene.spine.treated.disc.coordinates[..., 2].max()
    assert node.sum() > 20
    assert height.max() - top == pytest.approx(4.0, abs=1.5)


def test_a_bulge_and_a_hernia_stand_out_behind(scene: Scene, parameters: ParameterSet) -> None:
    """Largest at the midline, none beside their angle: 90 and 25 degrees."""
    sizes = FindingSizes.from_parameters(parameters)
    angles = np.radians([0.0, 12.6, 22.5, 45.0, 90.0])
    np.testing.assert_allclose(
        posterior_rise(Findings(bulge=2.0), sizes, angles), [2.0, 1.63, 1.0, 0.0, 0.0], atol=0.01
    )
    np.testing.assert_allclose(
        posterior_rise(Findings(hernia=4.0), sizes, angles), [4.0, 0.0, 0.0, 0.0, 0.0], atol=1e-12
    )
    plain, points = _samples(scene, 0.4)
    found, _ = _samples(_with(scene, Findings(hernia=4.0)), 0.4)
    more = (found.label == 95) & (plain.label != 95)
    assert more.any()
    back = points[(plain.label == 95)][:, 1].min()
    assert back - points[more][:, 1].min() == pytest.approx(4.0, abs=0.8)
    assert (found.disc_tissue[more] == 1).all()


def test_the_cleft_darkens_the_middle_of_the_nucleus_from_grade_two_on(scenes: list[Scene]) -> None:
    """A quarter less T2 in a band of 1.5 mm; none in grade I."""
    ratios = []
    for scene in scenes[:2]:
        found, points = _samples(scene, 0.25)
        nucleus = (found.disc_tissue == 0) & (found.label == 95)
        brightest = np.quantile(found.transverse[nucleus], 0.9)
        ratios.append(found.transverse[nucleus & (np.abs(points[:, 1]) < 3.0)].min() / brightest)
    assert ratios[1] < 0.76
    assert ratios[0] > 0.5
    found, points = _samples(scenes[1], 0.1)
    column = (found.disc_tissue == 0) & (found.label == 95) & (np.abs(points[:, 1]) < 0.06)
    dark = column & (np.abs(found.transverse - 0.75 * 133.58) < 0.5)
    assert dark.sum() * 0.1 == pytest.approx(1.5, abs=0.25)
