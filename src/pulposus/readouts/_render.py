r"""A synthetic sagittal scan: tissue at sub-voxels, signal, coil, point spread, noise (mechanics_imaging 4.3).

.. math::

    \bar S &= \langle S \rangle_{3 \times 3 \times 4 \text{ sub-voxels}}, \qquad
    S_c = \bar S\,\left(1 + 0.3\, e^{-d/60}\right) \\
    S_p &= \mathcal{F}^{-1}\left[ H\, \mathcal{F}[S_c] \right], \quad H \text{ a Hamming window over the sampled frequencies} \\
    A &= |S_p + N(0, s) + i N(0, s)|, \qquad s = S_{CSF} / SNR

The mean over sub-voxels is the partial volume of a voxel. With `gibbs` the window is left out and the frequencies of the finer grid are cut
off instead, which rings at sharp borders as a scanner without a filter does. Noise is seeded: one seed, one picture. The slight texture of
tissues that are not disc is decoration without information (prior) and can be switched off with `texture=0`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from pulposus.errors import InvalidInput
from pulposus.readouts._disc_view import ENDPLATE, NUCLEUS
from pulposus.readouts._relaxation import (
    apparent_diffusion,
    at_points,
    rotating_frame_relaxation,
    sodium,
    spin_echo_signal,
)
from pulposus.readouts._scene import sample, sample_again
from pulposus.readouts._soft_tissue import depth_below_skin
from pulposus.readouts._texture import smooth_field
from pulposus.readouts._tissues import DISC, Samples, Scene

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

Kind = Literal["t2w", "t2map", "t1map", "t1rho", "adc", "sodium"]
KINDS: tuple[Kind, ...] = ("t2w", "t2map", "t1map", "t1rho", "adc", "sodium")
UNITS: dict[Kind, str] = {"t2w": "1", "t2map": "ms", "t1map": "ms", "t1rho": "ms", "adc": "mm2/s", "sodium": "mM"}
_SUB_IN_PLANE, _SUB_THROUGH = 3, 4
# Finest and coarsest length of the texture over the voxel.
_FINEST, _COARSEST = 2.0, 12.0
# Streams of random numbers of a scan, apart from each other.
_NOISE, _TEXTURE = 0, 1


@dataclass(frozen=True)
class Scan:
    """How the scanner is set; lengths in mm, times in ms.

    Attributes:
        voxel: Size of a voxel in the plane of a slice.
        thickness, gap: Thickness of a slice, and the gap between two over it.
        slices: Number of sagittal slices, the middle one in the median plane.
        echo_time, repetition_time: TE and TR.
        signal_to_noise: Of cerebrospinal fluid; infinity for none.
        shading_gain, shading_depth: Sensitivity of the coil at the back.
        texture: Relative standard deviation of the texture outside the disc.
        gibbs: Whether the point spread rings.
        seed: Of noise and texture.
    """

    voxel: float
    thickness: float
    gap: float
    slices: int
    echo_time: float
    repetition_time: float
    signal_to_noise: float
    shading_gain: float
    shading_depth: float
    texture: float
    gibbs: bool = False
    seed: int = 0

    @classmethod
    def from_parameters(cls, parameters: ParameterSet, scale: float = 1.0, *, slices: int = 1, seed: int = 0) -> Scan:
        """The usual scan; lengths times the scale of the animal.

        Raises:
            InvalidInput: The number of slices is not odd and positive.
        """
        if slices < 1 or slices % 2 == 0 or slices > 31:
            raise InvalidInput(
                f"{slices} slices cannot be centred on the median plane",
                where="option --slices",
                allowed="an odd number, 1 to 31",
            )

        def take(name: str) -> float:
            return parameters.value(f"imaging.scan.{name}")

        return cls(
            voxel=scale * take("voxel"),
            thickness=scale * take("slice"),
            gap=take("gap"),
            slices=slices,
            echo_time=take("echo_time"),
            repetition_time=take("repetition_time"),
            signal_to_noise=take("signal_to_noise"),
            shading_gain=take("shading_gain"),
            shading_depth=scale * take("shading_depth"),
            texture=take("texture"),
            seed=seed,
        )

    @property
    def spacing(self) -> float:
        """Distance of two slices [mm]."""
        return self.thickness * (1.0 + self.gap)

    def as_dict(self) -> dict[str, Any]:
        """The protocol of the scan as plain data."""
        return asdict(self) | {"spacing": self.spacing, "sub_voxels": [_SUB_THROUGH, _SUB_IN_PLANE, _SUB_IN_PLANE]}


@dataclass(frozen=True, eq=False)
class Volume:
    """A rendered scan or map.

    Attributes:
        kind, unit: What the values are.
        values: (slices from left to right, voxels from back to front, voxels from below to above).
        labels: TotalSpineSeg label of the tissue at the middle of every voxel, same shape.
        affine: Voxel to millimetres, RAS+, (4, 4).
        truth: Noise-free values before coil and point spread (the signal itself), same shape.
        disc_share: Share of every voxel that is the treated disc.
        scan: How it was made.
    """

    kind: Kind
    unit: str
    values: Float[np.ndarray, "slices depth height"]
    labels: Int[np.ndarray, "slices depth height"]
    affine: Float[np.ndarray, "4 4"]
    truth: Float[np.ndarray, "slices depth height"]
    disc_share: Float[np.ndarray, "slices depth height"]
    scan: Scan


def fluid_signal(scene: Scene, scan: Scan) -> float:
    """Signal of cerebrospinal fluid."""
    table = scene.tissues
    return float(
        spin_echo_signal(
            table.proton_density[0], table.longitudinal[0], table.transverse[0], scan.repetition_time, scan.echo_time
        )
    )


def signal_of(samples: Samples, scan: Scan) -> Float[np.ndarray, "points"]:
    """Signal of the scan's sequence at points, without coil and noise."""
    law = eqx.Partial(
        spin_echo_signal, repetition_time=jnp.asarray(scan.repetition_time), echo_time=jnp.asarray(scan.echo_time)
    )
    return at_points(law, samples.proton_density, samples.longitudinal, samples.transverse)


def rician(signal: Float[np.ndarray, "..."], deviation: float, seed: int) -> Float[np.ndarray, "..."]:
    """Magnitude of a signal with noise in both channels: |S + N(0, s) + i N(0, s)|.

    Args:
        signal: Noise-free signal A.
        deviation: Standard deviation s of each channel; the mean of the result is s sqrt(pi/2) L(-A^2 / 2 s^2).
        seed: Of the noise.
    """
    noise = np.random.Generator(np.random.Philox(seed)).standard_normal((2, *signal.shape))
    return np.hypot(signal + deviation * noise[0], deviation * noise[1])


def hamming_blur(image: Float[np.ndarray, "depth height"]) -> Float[np.ndarray, "depth height"]:
    """A slice after a Hamming window over its frequencies; the mean is kept, constants are unchanged."""
    window = np.ones(())
    for axis, count in enumerate(image.shape):
        frequency = np.fft.fftfreq(count)
        shape = [1, 1]
        shape[axis] = count
        window = window * (0.54 + 0.46 * np.cos(2.0 * np.pi * frequency)).reshape(shape)
    return np.fft.ifft2(np.fft.fft2(image) * window).real


def truncated(image: Float[np.ndarray, "fine_depth fine_height"], factor: int) -> Float[np.ndarray, "depth height"]:
    """A slice sampled at its lowest frequencies only, without a window: sharp borders ring (Gibbs).

    Args:
        image: Signal on the fine grid, (factor * depth, factor * height).
        factor: Fine voxels per voxel along each axis.
    """
    depth, height = (count // factor for count in image.shape)
    shift = [np.exp(-2j * np.pi * np.fft.fftfreq(count) * 0.5 * (factor - 1)) for count in image.shape]
    # The fine samples begin half a voxel before the middle of the first voxel.
    spectrum = np.fft.fft2(image) * np.conj(shift[0])[:, None] * np.conj(shift[1])[None, :]
    rows = np.round(np.fft.fftfreq(depth) * depth).astype(int)
    columns = np.round(np.fft.fftfreq(height) * height).astype(int)
    kept = spectrum[np.ix_(rows % image.shape[0], columns % image.shape[1])]
    return np.fft.ifft2(kept).real / factor**2


def field_of_view(scene: Scene, scan: Scan) -> tuple[Float[np.ndarray, "4 4"], tuple[int, int, int]]:
    """Affine and shape of a scan of the whole spine of the scene.

    The picture ends in the middle of the outer vertebral bodies, at the skin of the back, and 40 mm before the treated disc.
    """
    sizes, discs = scene.spine.sizes, scene.spine.discs
    low = discs[0].origin[2] - 0.5 * sizes.vertebra_height - 6.0 * sizes.scale
    high = discs[-1].origin[2] + 0.5 * sizes.vertebra_height + 6.0 * sizes.scale
    edges = [
        posed.placed(np.array([[0.0, rim, 0.0] for rim in (posed.disc.rim[:, 1].min(), posed.disc.rim[:, 1].max())]))
        for posed in discs
    ]
    back = max(edge[0, 1] for edge in edges) - sizes.skin_depth - 2.0 * sizes.scale
    front = max(edge[:, 1].max() for edge in edges) + 22.0 * sizes.scale
    shape = (
        scan.slices,
        int(np.ceil((front - back) / scan.voxel)),
        int(np.ceil((high - low) / scan.voxel)),
    )
    affine = np.diag([scan.spacing, scan.voxel, scan.voxel, 1.0])
    affine[:3, 3] = [-0.5 * (scan.slices - 1) * scan.spacing, back + 0.5 * scan.voxel, low + 0.5 * scan.voxel]
    return affine, shape


def sub_voxels(
    affine: Float[np.ndarray, "4 4"], shape: tuple[int, int, int], number: int, scan: Scan
) -> Float[np.ndarray, "points 3"]:
    """Middles of the sub-voxels of one slice: (fine depth, fine height, through) in this order."""

    def fine(count: int, parts: int) -> np.ndarray:
        return (np.arange(count * parts) + 0.5) / parts - 0.5

    depth, height = fine(shape[1], _SUB_IN_PLANE), fine(shape[2], _SUB_IN_PLANE)
    through = (
        number * scan.spacing + affine[0, 3] + scan.thickness * ((np.arange(_SUB_THROUGH) + 0.5) / _SUB_THROUGH - 0.5)
    )
    y, z, x = np.meshgrid(affine[1, 3] + scan.voxel * depth, affine[2, 3] + scan.voxel * height, through, indexing="ij")
    return np.stack([x, y, z], axis=-1).reshape(-1, 3)


def render(scene: Scene, scan: Scan, kind: Kind = "t2w") -> Volume:
    """A scan or a map of a scene.

    Args:
        scene: The scene.
        scan: How the scanner is set.
        kind: `t2w` is a picture; the others are maps of the discs, zero elsewhere, without coil, point spread and noise.

    Raises:
        InvalidInput: There is no such kind.
    """
    if kind not in KINDS:
        raise InvalidInput(f'there is no image "{kind}"', where="render", allowed=", ".join(KINDS))
    affine, shape = field_of_view(scene, scan)
    slices = [
        _slice(scene, scan, kind, sample(scene, sub_voxels(affine, shape, one, scan)), shape, one)
        for one in range(scan.slices)
    ]
    return _volume(slices, scan, kind, affine)


def render_pair(before: Scene, after: Scene, scan: Scan) -> tuple[Volume, Volume]:
    """Two `t2w` scans of one spine, whose treated disc has changed its state but not its shape.

    Args:
        before, after: The scenes.
        scan: How the scanner is set; noise and texture are the same in both.
    """
    affine, shape = field_of_view(before, scan)
    first, second = [], []
    for one in range(scan.slices):
        samples = sample(before, sub_voxels(affine, shape, one, scan))
        first.append(_slice(before, scan, "t2w", samples, shape, one))
        second.append(_slice(after, scan, "t2w", sample_again(after, samples), shape, one))
    return _volume(first, scan, "t2w", affine), _volume(second, scan, "t2w", affine)


@dataclass(frozen=True, eq=False)
class _Slice:
    """One slice of a volume: values, labels, truth and share of the treated disc, (depth, height)."""

    values: Float[np.ndarray, "depth height"]
    labels: Int[np.ndarray, "depth height"]
    truth: Float[np.ndarray, "depth height"]
    disc_share: Float[np.ndarray, "depth height"]


def _slice(scene: Scene, scan: Scan, kind: Kind, samples: Samples, shape: tuple[int, int, int], number: int) -> _Slice:
    blocks = _blocks(shape)
    treated = next(place for place, posed in enumerate(scene.spine.discs) if posed.treated)
    if kind == "t2w":
        truth, values = _picture(scene, scan, samples, blocks, number)
    else:
        truth = values = _map(scene, samples, kind, blocks)
    return _Slice(values, _middle(samples.label, blocks), truth, _mean(samples.disc == treated, blocks))


def _volume(slices: Sequence[_Slice], scan: Scan, kind: Kind, affine: Float[np.ndarray, "4 4"]) -> Volume:
    return Volume(
        kind=kind,
        unit=UNITS[kind],
        values=np.stack([one.values for one in slices]),
        labels=np.stack([one.labels for one in slices]).astype(np.int16),
        affine=affine,
        truth=np.stack([one.truth for one in slices]),
        disc_share=np.stack([one.disc_share for one in slices]),
        scan=scan,
    )


def _blocks(shape: tuple[int, int, int]) -> tuple[int, ...]:
    return shape[1], _SUB_IN_PLANE, shape[2], _SUB_IN_PLANE, _SUB_THROUGH


def _mean(values: np.ndarray, blocks: tuple[int, ...]) -> Float[np.ndarray, "depth height"]:
    return values.reshape(blocks).mean(axis=(1, 3, 4))


def _middle(values: np.ndarray, blocks: tuple[int, ...]) -> np.ndarray:
    half = _SUB_IN_PLANE // 2
    return values.reshape(blocks)[:, half, :, half, _SUB_THROUGH // 2]


def _picture(
    scene: Scene, scan: Scan, samples: Samples, blocks: tuple[int, ...], number: int
) -> tuple[Float[np.ndarray, "depth height"], Float[np.ndarray, "depth height"]]:
    """Noise-free signal of the voxels, and the picture of a slice."""
    signal = signal_of(samples, scan)
    look = np.where(samples.kind == DISC, 1.0, _texture(samples, scan, blocks))
    coil = 1.0 + scan.shading_gain * np.exp(-depth_below_skin(scene, samples.points) / scan.shading_depth)
    received = signal * look * coil
    if scan.gibbs:
        through = received.reshape(blocks).mean(axis=4)
        fine = through.reshape(blocks[0] * blocks[1], blocks[2] * blocks[3])
        spread = truncated(fine, _SUB_IN_PLANE)
    else:
        spread = hamming_blur(_mean(received, blocks))
    deviation = fluid_signal(scene, scan) / scan.signal_to_noise
    return _mean(signal, blocks), rician(spread, deviation, 2 * (scan.seed + 7919 * number) + _NOISE)


def _texture(samples: Samples, scan: Scan, blocks: tuple[int, ...]) -> Float[np.ndarray, "points"]:
    """A factor around 1, one per voxel: its waves are longer than a voxel."""
    if scan.texture == 0.0:
        return np.ones(len(samples.points))
    middles = np.stack([_mean(samples.points[:, axis], blocks).ravel() for axis in range(3)], axis=-1)
    seed = 2 * scan.seed + _TEXTURE
    factor = 1.0 + scan.texture * smooth_field(middles, _FINEST * scan.voxel, _COARSEST * scan.voxel, seed)
    spread = factor.reshape(blocks[0], 1, blocks[2], 1, 1)
    return np.broadcast_to(spread, blocks).reshape(-1)


def _map(scene: Scene, samples: Samples, kind: Kind, blocks: tuple[int, ...]) -> Float[np.ndarray, "depth height"]:
    """Mean of a quantity over the disc's part of every voxel; zero in voxels that are less than half disc (nucleus or annulus)."""
    within = (samples.disc_tissue >= NUCLEUS) & (samples.disc_tissue != ENDPLATE)
    if kind == "t2map":
        quantity = samples.transverse
    elif kind == "t1map":
        quantity = samples.longitudinal
    elif kind == "t1rho":
        quantity = at_points(eqx.Partial(rotating_frame_relaxation, laws=scene.laws), samples.glycosaminoglycan)
    elif kind == "adc":
        quantity = at_points(eqx.Partial(apparent_diffusion, laws=scene.laws), samples.water)
    else:
        quantity = at_points(eqx.Partial(sodium, laws=scene.laws), samples.fixed_charge)
    share = _mean(within, blocks)
    total = _mean(np.where(within, quantity, 0.0), blocks)
    return np.where(share >= 0.5, total / np.maximum(share, 1e-9), 0.0)
