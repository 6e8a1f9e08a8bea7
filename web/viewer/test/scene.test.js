import assert from 'node:assert/strict';
import { test } from 'node:test';

import { cellArray, decodeScene, probe } from '../src/scene.js';

const corners = new Float32Array([0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1, 0]);
const triangles = new Uint16Array([0, 1, 2, 1, 3, 2]);
const lines = new Uint16Array([0, 1]);
const bytes = new Uint8Array([0, 51, 102, 255, 255, 0, 0, 0]);
const block = Buffer.concat([corners, triangles, lines, bytes].map((part) => Buffer.from(part.buffer)));
const description = {
  points: { offset: 0, length: 12, count: 4 },
  views: [{ key: 'whole', triangles: { offset: 48, length: 6 }, lines: { offset: 60, length: 2 } }],
};
const scene = decodeScene(description, `\n${block.toString('base64')}\n`);

test('geometry and values come back', () => {
  assert.deepEqual(Array.from(scene.points), Array.from(corners));
  assert.deepEqual(Array.from(scene.views[0].triangles), Array.from(triangles));
  assert.deepEqual(scene.views[0].places, [[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]]);
  const series = { offset: 64, low: [10, -1], high: [20, 1] };
  assert.deepEqual(Array.from(scene.values(series, 0)), [10, 12, 14, 20]);
  assert.deepEqual(Array.from(scene.values(series, 1)), [1, -1, -1, -1]);
});

test('parts and dots come back', () => {
  const whole = new Uint16Array([0, 65535, 0, 65535, 0, 0]);
  const tissue = Buffer.concat([corners, triangles, whole].map((part) => Buffer.from(part.buffer)));
  const cells = { per_dot: 10, totals: [20, 0], low: [-1, -2, -3], high: [1, 2, 3] };
  cells.frames = [{ offset: 60, length: 6 }, { offset: 72, length: 0 }];
  const parts = [{ key: 'nucleus', opacity: 0.5, triangles: { offset: 48, length: 6 } }];
  const anatomy = { points: { offset: 0, length: 12 }, parts, cells };
  const found = decodeScene({ ...description, anatomy, views: [] }, tissue.toString('base64')).anatomy;
  assert.deepEqual(Array.from(found.points), Array.from(corners));
  assert.deepEqual(Array.from(found.parts[0].triangles), Array.from(triangles));
  assert.equal(found.parts[0].opacity, 0.5);
  assert.deepEqual(Array.from(found.dots(0)), [-1, 2, -3, 1, -2, -3]);
  assert.equal(found.dots(1).length, 0);
  assert.deepEqual(found.places[1], [1, 0, 0]);
});

test('cells are preceded by their number of corners', () => {
  assert.deepEqual(Array.from(cellArray(triangles, 3)), [3, 0, 1, 2, 3, 1, 3, 2]);
});

test('a ray reads the interpolated value of the nearest face', () => {
  const values = [0, 1, 2, 3];
  const hit = probe(corners, triangles, values, [0.25, 0.25, 5], [0, 0, -1]);
  assert.ok(Math.abs(hit.value - 0.75) < 1e-12);
  assert.deepEqual(hit.position, [0.25, 0.25, 0]);
  assert.equal(probe(corners, triangles, values, [2, 2, 5], [0, 0, -1]), null);
  assert.equal(probe(corners, triangles, values, [0.25, 0.25, 5], [0, 0, 1]), null);
  const above = new Float32Array([...corners, 0, 0, 1, 1, 0, 1, 0, 1, 1]);
  const both = new Uint16Array([...triangles, 4, 5, 6]);
  assert.equal(probe(above, both, [0, 0, 0, 0, 7, 7, 7], [0.25, 0.25, 5], [0, 0, -1]).value, 7);
});
