// The 3D viewer of the report: connects the controls of the page with the stage.
//
// The page works without it: the section holds a static picture, the controls stay hidden until WebGL has answered.

import { decodeScene, probe } from './scene.js';
import { createStage } from './stage.js';

const element = (id) => document.getElementById(id);
const checked = (name) => document.querySelector(`input[name="${name}"]:checked`).value;

const TURN = 15; // degrees of one press
const ZOOM = 1.2;
const FRAME_MILLISECONDS = 900;

/** A few digits; what is below a thousandth of `scale` is zero for the eye. */
function format(value, scale = Math.abs(value)) {
  const size = Math.abs(value);
  if (size < 1e-3 * scale || size === 0) return '0';
  if (size >= 0.001 && size < 1e5) return Number(value.toPrecision(3)).toString();
  return value.toExponential(1);
}

/** A number of cells in digits that people read. */
const count = (value) => Number(value.toPrecision(3)).toLocaleString('en-US');

function webglWorks() {
  const canvas = document.createElement('canvas');
  return Boolean(window.WebGL2RenderingContext && canvas.getContext('webgl2'));
}

function range(values, indices) {
  let low = Infinity;
  let high = -Infinity;
  for (const index of indices) {
    const value = values[index];
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

function start() {
  const scene = decodeScene(JSON.parse(element('viewer-description').textContent), element('viewer-data').textContent);
  const panel = element('viewer');
  const screen = element('viewer-screen');
  panel.classList.add('is-live');
  const stage = createStage(screen, scene);
  const state = { values: null, view: null, timer: null };
  const slider = element('viewer-time');

  const field = () => scene.fields.find((one) => one.key === element('viewer-field').value);
  const run = () => checked('viewer-run');

  function limits(shown, series) {
    const frame = Number(slider.value);
    const fixed = element('viewer-fixed-range').checked;
    const cases = Object.values(shown.runs);
    const low = fixed ? Math.min(...cases.flatMap((one) => one.low)) : series.low[frame];
    const high = fixed ? Math.max(...cases.flatMap((one) => one.high)) : series.high[frame];
    // A flat field still needs a range to be drawn in.
    return high > low ? [low, high] : [low, low + Math.max(Math.abs(low) * 1e-3, 1e-9)];
  }

  function showScale(shown, low, high) {
    const stops = scene.colours.map((rgb) => `rgb(${rgb.map((part) => Math.round(255 * part)).join(' ')})`);
    element('viewer-scale').style.background = `linear-gradient(to right, ${stops.join(', ')})`;
    element('viewer-scale-title').textContent = `${shown.label} [${shown.unit}]`;
    [0, 0.25, 0.5, 0.75, 1].forEach((share, i) => {
      element(`viewer-tick-${i}`).textContent = format(low + share * (high - low), Math.abs(high));
    });
  }

  function showTime(frame) {
    const label = scene.labels[frame];
    element('viewer-time-label').textContent = label;
    slider.setAttribute('aria-valuetext', label);
    return label;
  }

  /** The parts of the disc, with dots where injected cells live. */
  function updateAnatomy() {
    const { anatomy } = scene;
    const frame = Number(slider.value);
    const boxes = Array.from(document.querySelectorAll('input[name="viewer-part"]'));
    const keys = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    const treated = run() === 'with';
    stage.showParts(keys, treated && keys.has('cells') ? anatomy.dots(frame) : new Float32Array(0));
    if (state.view !== anatomy) stage.standAt('above');
    state.view = anatomy;
    const label = showTime(frame);
    const names = [...anatomy.parts, { key: 'cells', label: anatomy.cells.label }].filter((part) => keys.has(part.key));
    const listed = names.length > 0 ? names.map((part) => part.label).join(', ') : 'no part is shown';
    const amount = treated
      ? `${count(anatomy.cells.totals[frame])} live injected cells, one dot for ${count(anatomy.cells.per_dot)}`
      : 'no cells were injected';
    element('viewer-text').textContent = `${listed}; ${label}, ${scene.runs[run()]}: ${amount} (simulated).`;
    element('viewer-probe').textContent = '';
  }

  function update() {
    const parts = Boolean(scene.anatomy) && checked('viewer-cut') === 'anatomy';
    panel.classList.toggle('shows-parts', parts);
    const comparator = document.querySelector('input[name="viewer-run"][value="without"]');
    if (parts) {
      if (comparator) comparator.disabled = false;
      updateAnatomy();
      return;
    }
    updateField();
  }

  function updateField() {
    const shown = field();
    const frame = Number(slider.value);
    const without = document.querySelector('input[name="viewer-run"][value="without"]');
    if (without) without.disabled = !shown.runs.without;
    if (!shown.runs[run()]) document.querySelector('input[name="viewer-run"][value="with"]').checked = true;
    const series = shown.runs[run()];
    const view = scene.views.find((one) => one.key === checked('viewer-cut'));
    const turned = state.view !== view;
    if (turned) {
      stage.showView(view);
      state.view = view;
    }
    state.values = scene.values(series, frame);
    const [low, high] = limits(shown, series);
    stage.showValues(state.values, low, high, scene.colours);
    if (turned) stage.standAt(view.standpoint);
    showScale(shown, low, high);
    const label = showTime(frame);
    const [from, to] = range(state.values, view.triangles);
    const which = scene.runs[run()];
    element('viewer-text').textContent =
      `${shown.label}, ${label}, ${which}: ${format(from, Math.abs(to))} to ${format(to)} ${shown.unit} on the shown surfaces (simulated).`;
    element('viewer-probe').textContent = 'Click on the disc to read a value.';
  }

  function stop() {
    clearInterval(state.timer);
    state.timer = null;
    element('viewer-play').textContent = 'Play';
  }

  function play() {
    if (state.timer) {
      stop();
      return;
    }
    element('viewer-play').textContent = 'Stop';
    if (Number(slider.value) === Number(slider.max)) slider.value = 0;
    update();
    state.timer = setInterval(() => {
      if (Number(slider.value) === Number(slider.max)) {
        stop();
        return;
      }
      slider.value = Number(slider.value) + 1;
      update();
    }, FRAME_MILLISECONDS);
  }

  function read(event) {
    if (state.view === scene.anatomy) return;
    const box = screen.getBoundingClientRect();
    const { origin, direction } = stage.rayAt(event.clientX - box.left, event.clientY - box.top);
    const hit = probe(scene.points, state.view.triangles, state.values, origin, direction);
    if (!hit) return;
    const shown = field();
    const [x, y, z] = hit.position.map((part) => part.toFixed(1));
    element('viewer-probe').textContent =
      `${shown.label} ${format(hit.value)} ${shown.unit} at x ${x}, y ${y}, z ${z} mm (x right, y anterior, z cranial).`;
  }

  const moves = {
    left: () => stage.turn(TURN, 0),
    right: () => stage.turn(-TURN, 0),
    up: () => stage.turn(0, -TURN),
    down: () => stage.turn(0, TURN),
    closer: () => stage.zoom(ZOOM),
    farther: () => stage.zoom(1 / ZOOM),
    'stand-oblique': () => stage.standAt('oblique'),
    'stand-right': () => stage.standAt('right'),
    'stand-front': () => stage.standAt('front'),
    'stand-top': () => stage.standAt('top'),
  };
  const keys = { ArrowLeft: 'left', ArrowRight: 'right', ArrowUp: 'up', ArrowDown: 'down', '+': 'closer', '-': 'farther', 0: 'stand-oblique' };

  panel.querySelectorAll('button[data-move]').forEach((button) => button.addEventListener('click', moves[button.dataset.move]));
  panel.querySelectorAll('select, input').forEach((control) => control.addEventListener('input', update));
  slider.addEventListener('pointerdown', stop);
  slider.addEventListener('keydown', stop);
  element('viewer-play').addEventListener('click', play);
  screen.addEventListener('keydown', (event) => {
    if (!keys[event.key]) return;
    event.preventDefault();
    moves[keys[event.key]]();
  });
  // The wheel scrolls the page unless the view has the focus.
  screen.addEventListener(
    'wheel',
    (event) => {
      if (document.activeElement !== screen) event.stopImmediatePropagation();
    },
    { capture: true },
  );
  let pressed = null;
  screen.addEventListener('pointerdown', (event) => {
    pressed = [event.clientX, event.clientY];
    screen.focus({ preventScroll: true });
  });
  screen.addEventListener('pointerup', (event) => {
    const still = pressed && Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) < 4;
    if (still) read(event);
  });
  new ResizeObserver(() => stage.resize()).observe(screen);

  stage.resize();
  update();
}

function begin() {
  if (!element('viewer-data')) return;
  if (!webglWorks()) {
    element('viewer-message').textContent = 'This browser has no WebGL: the picture is static.';
    return;
  }
  try {
    start();
  } catch (error) {
    element('viewer').classList.remove('is-live');
    element('viewer-message').textContent = `The 3D view could not start (${error.message}): the picture is static.`;
  }
}

begin();
