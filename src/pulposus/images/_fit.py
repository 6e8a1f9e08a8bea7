r"""The closed-form disc that follows a solid best (mechanics_imaging 1.6, steps 5 and 6; rulings 37).

Outline and endplates take turns. The endplates are fitted to the columns inside the outline; the outline is where a column of the mask has
a given share of the fitted height, so a rounded rim, which the vertical wall of the map cannot follow, neither adds nor loses much volume.
Nothing is scaled to the volume of the mask.

The outline of three harmonics and the endplates of seven terms are taken where they follow the mask within half a pixel, as the rounding to
voxels alone would allow; finer terms, which real discs need, would otherwise only follow the voxels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray

from pulposus.disc._anatomy import with_nucleus
from pulposus.disc._map import DiscMap, column_height, section_determinant, validity
from pulposus.images._columns import Columns
from pulposus.images._endplates import fit_endplates, reference_points_of, surface_terms
from pulposus.images._outline import CURVE, Border, border_points, fit_border

ORDERS = (3, 8)
"""Harmonics of a plain and of a fine outline: the shortest wave, some 15 mm, spans three or four thick slices. With six the
overlap and the depth of real masks are worse."""
TERMS = (7, 16)
"""Terms of a plain and of a fine endplate."""
WITHIN = 0.5
"""Root mean square in pixels below which the plain terms suffice: rounding to voxels alone gives 0.29."""
ROUNDS = 5
RIDGE_STEPS = (1.0, 4.0, 16.0, 64.0, 256.0)
_WATCH = 2.0 * np.pi * np.arange(72) / 72.0
_WATCHED_RADII = (0.7, 0.85, 0.95, 1.0, 1.005)  # the corners of the mesh's rim lie at 1.0016 or less


@dataclass(frozen=True)
class Nucleus:
    """Where the nucleus lies in a cross-section.

    Attributes:
        area_fraction: Share of the section.
        offset: How far its centroid lies behind that of the section, share of the depth.
        squeeze: e of the map.
        origin: Where the three come from, for people.
    """

    area_fraction: float
    offset: float
    squeeze: float
    origin: str


@dataclass(frozen=True, eq=False)
class Settings:
    """How a disc is fitted; see the parameters `segmentation.fit`.

    Attributes:
        edge_share: Share of the fitted height at which the outline lies.
        pixel: Spacing within the slices of the mask [mm].
        slices: Step from one thick slice to the next, along x and y of the disc [mm], (2,); zero where the voxels are near cubes.
        edge_error: Standard error of the border of a slice [mm].
        inset: How far inside the outline the columns end that bear on the endplates [mm]; negative where those of the rim do as well.
        huber_limit: Residual of an endplate beyond which its weight falls [mm].
        rim_floor: Smallest over mean height.
        harmonic_ridge: Weight of the second harmonics of the outline; that of finer ones grows with the square of their order.
        determinant_floor: Smallest over mean area element of a valid map.
    """

    edge_share: float
    pixel: float
    slices: Float[NDArray, "2"]
    edge_error: float
    inset: float
    huber_limit: float
    rim_floor: float
    harmonic_ridge: float
    determinant_floor: float


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted disc.

    Attributes:
        form: Map of the disc in the frame moved by `shift`.
        shift: Origin of the map in the frame of the columns [mm], (3,).
        xi, eta: Reference coordinates of the columns, (nx, ny).
        outline_residual, superior_residual, inferior_residual: Root mean squares [mm].
        nucleus: Where the nucleus comes from, and how it had to be changed.
        folded: Whether the map folds in spite of every remedy.
    """

    form: DiscMap
    shift: Float[NDArray, "3"]
    xi: Float[NDArray, "nx ny"]
    eta: Float[NDArray, "nx ny"]
    outline_residual: float
    superior_residual: float
    inferior_residual: float
    nucleus: Nucleus
    folded: bool

    @property
    def inside(self) -> Bool[NDArray, "nx ny"]:
        """Columns inside the outline."""
        return np.hypot(self.xi, self.eta) <= 1.0


def fit_disc(columns: Columns, template: DiscMap, nucleus: Nucleus, settings: Settings) -> Fit:
    """Fit the closed-form map to a solid.

    Args:
        columns: The solid in the frame of the disc.
        template: Disc of the level whose cartilage endplates are taken.
        nucleus: Where the nucleus lies.
        settings: How to fit.
    """
    filled = columns.length[columns.length > 0.0]
    mean_height = float(filled.mean())
    height = np.full_like(columns.length, np.median(filled))
    watched = np.concatenate(
        [surface_terms(radius * np.cos(_WATCH), radius * np.sin(_WATCH)) for radius in _WATCHED_RADII]
    )
    floor = np.full(len(watched), settings.rim_floor * mean_height)
    met = columns.met.ravel()
    smallest = 0.5 * settings.rim_floor * mean_height
    form, border, xi, eta, folded = template, None, columns.length, columns.length, True
    residuals = (0.0, 0.0)
    for _ in range(ROUNDS):
        share = columns.length / np.maximum(height, smallest)
        points = border_points(share, columns.x, columns.y, settings.edge_share)
        border, form, nucleus, folded = _section(points, template, nucleus, settings)
        x, y = (grid.ravel() for grid in np.meshgrid(columns.x - border.width[0], columns.y, indexing="ij"))
        xi, eta = reference_points_of(form, x, y)
        rho = np.hypot(xi, eta)
        used = (rho < 1.0 - settings.inset / form.half_depth) & met
        terms = surface_terms(xi[used], eta[used])
        lower, upper = columns.lower.ravel()[used], columns.upper.ravel()[used]
        for count in TERMS:
            inferior, superior = fit_endplates(
                terms[:, :count], lower, upper, settings.huber_limit, watched[:, :count], floor
            )
            form = replace(form, inferior=inferior, superior=superior)
            residuals = (
                _root_mean_square(terms[:, :count] @ inferior - lower),
                _root_mean_square(terms[:, :count] @ superior - upper),
            )
            if max(residuals) <= WITHIN * settings.pixel:
                break
        # Beside the disc the height is that of the rim: the polynomials mean nothing there.
        held = 1.0 / np.maximum(rho, 1.0)
        height = column_height(form, xi * held, eta * held).reshape(columns.length.shape)
    assert border is not None
    form, shift = _centred(form, border)
    return Fit(
        form=form,
        shift=shift,
        xi=xi.reshape(columns.length.shape),
        eta=eta.reshape(columns.length.shape),
        outline_residual=_root_mean_square(border.residual),
        inferior_residual=residuals[0],
        superior_residual=residuals[1],
        nucleus=nucleus,
        folded=folded,
    )


def _section(
    points: Float[NDArray, "points 2"], template: DiscMap, nucleus: Nucleus, settings: Settings
) -> tuple[Border, DiscMap, Nucleus, bool]:
    """Border, map without endplates, nucleus and whether the map folds; smoother outlines and plainer nuclei until it does not."""
    plain = replace(
        nucleus, squeeze=0.0, offset=0.0, origin=f"{nucleus.origin}, centred because the outline leaves no room"
    )
    border, form = None, template
    for factor in RIDGE_STEPS:
        for orders in ORDERS:
            border = fit_border(points, orders, factor * settings.harmonic_ridge, settings.slices, settings.edge_error)
            if _root_mean_square(border.residual) <= WITHIN * settings.pixel:
                break
        assert border is not None
        for candidate in (nucleus, plain):
            form = _map_of(border, template, candidate)
            if validity(form)[0] >= 1.2 * settings.determinant_floor:
                return border, form, candidate, False
    assert border is not None
    return border, form, plain, True


def _map_of(border: Border, template: DiscMap, nucleus: Nucleus) -> DiscMap:
    """The map with a border, the nucleus of a description and flat faces."""
    curve = border.at(CURVE)
    a, b = 0.5 * np.ptp(curve, axis=0)
    width, depth = border.width[1:].reshape(-1, 2) / a, border.depth[1:].reshape(-1, 2) / b
    own_width, own_depth = width.copy(), depth.copy()
    own_width[0, 0] = own_width[1, 1] = own_width[2, 0] = 0.0
    own_depth[0, 1] = own_depth[1, 0] = own_depth[2, 1] = 0.0
    form = replace(
        template,
        half_width=float(a),
        half_depth=float(b),
        origin=float(border.depth[0]),
        width_first=float(width[0, 0]),
        width_second=float(width[1, 1]),
        width_third=float(width[2, 0]),
        depth_first=float(depth[0, 1]),
        depth_second=float(depth[1, 0]),
        depth_third=float(depth[2, 1]),
        width_harmonics=own_width,
        depth_harmonics=own_depth,
        squeeze=nucleus.squeeze,
        superior=np.eye(6)[0],
        inferior=-np.eye(6)[0],
    )
    return with_nucleus(form, nucleus.area_fraction, nucleus.offset * 2.0 * float(b))


def _centred(form: DiscMap, border: Border) -> tuple[DiscMap, Float[NDArray, "3"]]:
    """The map about the middle of its own depth and heights, and where that middle lies."""
    depth = border.at(CURVE)[:, 1]
    middle_y, middle_z = 0.5 * (depth.max() + depth.min()), 0.5 * (form.superior[0] + form.inferior[0])
    lift = middle_z * np.eye(len(form.superior))[0]
    moved = replace(
        form, origin=float(form.origin - middle_y), superior=form.superior - lift, inferior=form.inferior - lift
    )
    return moved, np.array([border.width[0], middle_y, middle_z])


def _root_mean_square(values: Float[NDArray, "..."]) -> float:
    return float(np.sqrt(np.mean(values**2)))


_RADII, _RADIAL_WEIGHTS = np.polynomial.legendre.leggauss(16)
_ANGLES = 2.0 * np.pi * np.arange(64) / 64.0


def map_volume(form: DiscMap) -> float:
    """Volume [mm3] of a disc: the integral of its height over its section, exact for these polynomials."""
    radius, angle = np.meshgrid(0.5 * (_RADII + 1.0), _ANGLES)
    xi, eta = radius * np.cos(angle), radius * np.sin(angle)
    integrand = column_height(form, xi, eta) * section_determinant(form, xi, eta) * radius
    return float((integrand @ (0.5 * _RADIAL_WEIGHTS)).sum() * (_ANGLES[1] - _ANGLES[0]))
