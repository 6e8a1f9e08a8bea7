// Where a perspective camera has to stand so that given places fill its picture.

const FILLED = 0.92; // share of the picture
const ROUNDS = 4; // the centre of the picture depends on the distance: a few rounds settle both

const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const unit = (a) => a.map((part) => part / Math.sqrt(dot(a, a)));

/**
 * @param {number[][]} places points to be seen
 * @param {number[]} from direction from the places to the camera
 * @param {number[]} up direction that is up in the picture
 * @param {number} angle vertical opening of the camera in degrees
 * @param {number} aspect width of the picture over its height
 * @returns {{focus: number[], distance: number, towards: number[]}}
 */
export function fit(places, from, up, angle, aspect) {
  const towards = unit(from);
  const right = unit(cross(up, towards));
  const above = cross(towards, right);
  const opening = [FILLED * aspect * Math.tan((angle * Math.PI) / 360), FILLED * Math.tan((angle * Math.PI) / 360)];
  const seen = places.map((place) => [dot(place, right), dot(place, above), dot(place, towards)]);
  const middle = [0, 1, 2].map((axis) => {
    const along = seen.map((place) => place[axis]);
    return (along.reduce((a, b) => Math.min(a, b)) + along.reduce((a, b) => Math.max(a, b))) / 2;
  });
  let distance = 1;
  for (let round = 0; round < ROUNDS; round += 1) {
    distance = 0;
    for (const place of seen) {
      for (let axis = 0; axis < 2; axis += 1) {
        distance = Math.max(distance, Math.abs(place[axis] - middle[axis]) / opening[axis] + place[2] - middle[2]);
      }
    }
    for (let axis = 0; axis < 2; axis += 1) {
      let low = Infinity;
      let high = -Infinity;
      for (const place of seen) {
        const across = (place[axis] - middle[axis]) / (distance - place[2] + middle[2]);
        low = Math.min(low, across);
        high = Math.max(high, across);
      }
      middle[axis] += (distance * (low + high)) / 2;
    }
  }
  const focus = [0, 1, 2].map((axis) => middle[0] * right[axis] + middle[1] * above[axis] + middle[2] * towards[axis]);
  return { focus, distance, towards };
}
