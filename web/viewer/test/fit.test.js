import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fit } from '../src/fit.js';

const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const box = [-25, 25].flatMap((x) => [-18, 18].flatMap((y) => [-5, 5].map((z) => [x + 3, y - 2, z + 40])));

/** Places on the picture, -1 to 1 in both directions. */
function picture(places, { focus, distance, towards }, right, above, angle, aspect) {
  const opening = Math.tan((angle * Math.PI) / 360);
  return places.map((place) => {
    const away = place.map((part, axis) => part - focus[axis] - distance * towards[axis]);
    const depth = -dot(away, towards);
    return [dot(away, right) / depth / opening / aspect, dot(away, above) / depth / opening];
  });
}

for (const aspect of [0.6, 1, 1.7]) {
  test(`a box fills 92 % of a picture of aspect ${aspect} and stands in its middle`, () => {
    const stand = fit(box, [0, 3, 0], [0, 0, 1], 30, aspect);
    assert.deepEqual(stand.towards, [0, 1, 0]);
    const seen = picture(box, stand, [-1, 0, 0], [0, 0, 1], 30, aspect);
    const extent = [0, 1].map((axis) => [Math.min(...seen.map((one) => one[axis])), Math.max(...seen.map((one) => one[axis]))]);
    // A symmetric view settles in the first round: rounding only.
    for (const [low, high] of extent) assert.ok(Math.abs(low + high) < 1e-9);
    assert.ok(Math.abs(Math.max(...extent.map(([, high]) => high)) - 0.92) < 1e-9);
  });
}

test('an oblique view stays inside the picture', () => {
  const from = [0.78, 0.5, 0.42];
  const size = Math.hypot(...from);
  const towards = from.map((part) => part / size);
  const right = [-towards[1], towards[0], 0].map((part) => part / Math.hypot(towards[0], towards[1]));
  const above = [
    towards[1] * right[2] - towards[2] * right[1],
    towards[2] * right[0] - towards[0] * right[2],
    towards[0] * right[1] - towards[1] * right[0],
  ];
  const stand = fit(box, from, [0, 0, 1], 30, 1.5);
  for (const place of picture(box, stand, right, above, 30, 1.5)) {
    // Four rounds leave the centring about a percent from its fixed point; the margin is eight.
    assert.ok(Math.abs(place[0]) < 1 && Math.abs(place[1]) < 1, place.join(' '));
  }
});
