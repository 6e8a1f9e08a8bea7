// Decodes the scene that the report carries: a JSON description and one binary block in base64.
//
// The block holds, little-endian: points of views and parts (float32); triangles and lines of every view, triangles of every part, dots of
// every frame (uint16); then one byte per point for every stored frame of every field. A byte b of a frame means
// low + b / 255 * (high - low); low and high of the frame are in the description. A dot is three numbers of 0 to 65535 between two corners.

/** @returns {Uint8Array} the bytes of base64 text */
function decodeBase64(text) {
  const binary = atob(text.trim());
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i += 1) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/**
 * @param {object} description JSON written by the report: times, fields, views, colours
 * @param {string} encoded base64 of the binary block
 */
export function decodeScene(description, encoded) {
  const bytes = decodeBase64(encoded);
  const { count } = description.points;
  const block = (Type, { offset, length }) => new Type(bytes.buffer, offset, length);
  const points = block(Float32Array, description.points);

  /** Places of the used points. */
  function places(indices) {
    return Array.from(new Set(indices), (index) => Array.from(points.subarray(3 * index, 3 * index + 3)));
  }

  const views = description.views.map((view) => ({
    ...view,
    triangles: block(Uint16Array, view.triangles),
    lines: block(Uint16Array, view.lines),
    places: places(block(Uint16Array, view.triangles)),
  }));

  /** Values at the points, in the unit of the field. */
  function values(series, frame) {
    const low = series.low[frame];
    const step = (series.high[frame] - low) / 255;
    const from = series.offset + frame * count;
    const result = new Float32Array(count);
    for (let i = 0; i < count; i += 1) result[i] = low + step * bytes[from + i];
    return result;
  }

  const anatomy = description.anatomy && decodeAnatomy(description.anatomy, block);
  return { ...description, points, views, values, anatomy };
}

/** Surfaces of the parts, and the dots that stand for injected cells. */
function decodeAnatomy({ points, parts, cells }, block) {
  const places = block(Float32Array, points);

  /** Positions of the dots of a frame, x y z x y z ... */
  function dots(frame) {
    const whole = block(Uint16Array, cells.frames[frame]);
    const result = new Float32Array(whole.length);
    for (let i = 0; i < whole.length; i += 1) {
      const axis = i % 3;
      result[i] = cells.low[axis] + ((cells.high[axis] - cells.low[axis]) * whole[i]) / 65535;
    }
    return result;
  }

  return {
    points: places,
    parts: parts.map((part) => ({ ...part, triangles: block(Uint16Array, part.triangles) })),
    cells,
    dots,
    places: Array.from({ length: places.length / 3 }, (_, i) => Array.from(places.subarray(3 * i, 3 * i + 3))),
  };
}

/** vtk.js cell array (n, i0, i1, ... per cell) of cells with the same number of corners. */
export function cellArray(indices, corners) {
  const cells = new Uint32Array((indices.length / corners) * (corners + 1));
  for (let from = 0, to = 0; from < indices.length; from += corners) {
    cells[to] = corners;
    to += 1;
    for (let k = 0; k < corners; k += 1, to += 1) cells[to] = indices[from + k];
  }
  return cells;
}

/**
 * Value where a ray first meets the triangles (Moeller and Trumbore), interpolated between the corners.
 * @returns {{value: number, position: number[]} | null}
 */
export function probe(points, triangles, values, origin, direction) {
  const corner = (index) => [points[3 * index], points[3 * index + 1], points[3 * index + 2]];
  const minus = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
  const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  let nearest = Infinity;
  let value = null;
  for (let i = 0; i < triangles.length; i += 3) {
    const first = corner(triangles[i]);
    const along = minus(corner(triangles[i + 1]), first);
    const across = minus(corner(triangles[i + 2]), first);
    const normal = cross(direction, across);
    const determinant = dot(along, normal);
    if (Math.abs(determinant) < 1e-12) continue;
    const away = minus(origin, first);
    const u = dot(away, normal) / determinant;
    const turned = cross(away, along);
    const v = dot(direction, turned) / determinant;
    const distance = dot(across, turned) / determinant;
    if (u < 0 || v < 0 || u + v > 1 || distance <= 0 || distance >= nearest) continue;
    nearest = distance;
    value = (1 - u - v) * values[triangles[i]] + u * values[triangles[i + 1]] + v * values[triangles[i + 2]];
  }
  return value === null ? null : { value, position: origin.map((o, axis) => o + nearest * direction[axis]) };
}
