// The vtk.js side of the viewer: one surface coloured by a scalar with thin lines on it, or the parts of the disc with dots for injected
// cells; a cube that names the directions of the body.

import '@kitware/vtk.js/Rendering/OpenGL/Actor';
import '@kitware/vtk.js/Rendering/OpenGL/Camera';
import '@kitware/vtk.js/Rendering/OpenGL/PolyDataMapper';
import '@kitware/vtk.js/Rendering/OpenGL/Renderer';
import '@kitware/vtk.js/Rendering/OpenGL/SphereMapper';
import '@kitware/vtk.js/Rendering/OpenGL/Texture';
import vtkDataArray from '@kitware/vtk.js/Common/Core/DataArray';
import vtkPolyData from '@kitware/vtk.js/Common/DataModel/PolyData';
import vtkInteractorStyleTrackballCamera from '@kitware/vtk.js/Interaction/Style/InteractorStyleTrackballCamera';
import vtkOrientationMarkerWidget from '@kitware/vtk.js/Interaction/Widgets/OrientationMarkerWidget';
import vtkActor from '@kitware/vtk.js/Rendering/Core/Actor';
import vtkAnnotatedCubeActor from '@kitware/vtk.js/Rendering/Core/AnnotatedCubeActor';
import vtkColorTransferFunction from '@kitware/vtk.js/Rendering/Core/ColorTransferFunction';
import vtkMapper from '@kitware/vtk.js/Rendering/Core/Mapper';
import vtkRenderer from '@kitware/vtk.js/Rendering/Core/Renderer';
import vtkRenderWindow from '@kitware/vtk.js/Rendering/Core/RenderWindow';
import vtkRenderWindowInteractor from '@kitware/vtk.js/Rendering/Core/RenderWindowInteractor';
import vtkSphereMapper from '@kitware/vtk.js/Rendering/Core/SphereMapper';
import vtkOpenGLRenderWindow from '@kitware/vtk.js/Rendering/OpenGL/RenderWindow';

import { fit } from './fit.js';
import { cellArray } from './scene.js';

const BACKGROUND = [1, 1, 1];
const DOT_SHARE = 0.008; // radius of a dot over the width of the disc
const SKEW = [0.36, 0.48, 0.8];
const CUBE_FACES = { XPlus: 'R', XMinus: 'L', YPlus: 'A', YMinus: 'P', ZPlus: 'S', ZMinus: 'I' };

// Direction from the disc to the camera (x right, y anterior, z cranial) and the direction that is up on the screen.
export const STANDPOINTS = {
  oblique: { from: [0.78, 0.5, 0.42], up: [0, 0, 1] },
  above: { from: [0.45, 0.55, 0.85], up: [0, 0, 1] },
  right: { from: [1, 0, 0], up: [0, 0, 1] },
  front: { from: [0, 1, 0], up: [0, 0, 1] },
  top: { from: [0, 0, 1], up: [0, 1, 0] },
};

function directionCube(interactor) {
  const cube = vtkAnnotatedCubeActor.newInstance();
  cube.setDefaultStyle({
    fontStyle: 'bold',
    fontFamily: 'sans-serif',
    fontColor: '#1d2733',
    faceColor: '#e8edf2',
    faceRotation: 0,
    edgeThickness: 0.06,
    edgeColor: '#8795a5',
    resolution: 128,
  });
  // The canvas of a face is laid on the cube in the order of its texture coordinates: each letter needs its own turn to stand upright.
  const turns = { XPlus: 90, XMinus: -90, YPlus: 180, YMinus: 0, ZPlus: 0, ZMinus: 180 };
  Object.entries(CUBE_FACES).forEach(([face, text]) => cube[`set${face}FaceProperty`]({ text, faceRotation: turns[face] }));
  const widget = vtkOrientationMarkerWidget.newInstance({ actor: cube, interactor });
  widget.setEnabled(true);
  widget.setViewportCorner(vtkOrientationMarkerWidget.Corners.BOTTOM_LEFT);
  widget.setViewportSize(0.13);
  widget.setMinPixelSize(64);
  widget.setMaxPixelSize(150);
  return widget;
}

/** Translucent surfaces of the parts and a cloud of spheres; nothing is drawn until they are shown. */
function createAnatomy(renderer, anatomy) {
  const parts = anatomy.parts.map(({ key, colour, opacity, triangles }) => {
    const surface = vtkPolyData.newInstance();
    surface.getPoints().setData(anatomy.points, 3);
    surface.getPolys().setData(cellArray(triangles, 3));
    const mapper = vtkMapper.newInstance({ scalarVisibility: false });
    mapper.setInputData(surface);
    const actor = vtkActor.newInstance({ visibility: false });
    actor.setMapper(mapper);
    actor.getProperty().set({ color: colour, opacity, ambient: 0.45, diffuse: 0.6, specular: 0.0 });
    renderer.addActor(actor);
    return { key, actor };
  });
  const cloud = vtkPolyData.newInstance();
  const [low, high] = [anatomy.cells.low, anatomy.cells.high];
  const spheres = vtkSphereMapper.newInstance({ scalarVisibility: false, radius: DOT_SHARE * (high[0] - low[0]) });
  spheres.setInputData(cloud);
  const cells = vtkActor.newInstance({ visibility: false });
  cells.setMapper(spheres);
  cells.getProperty().set({ color: anatomy.cells.colour, ambient: 0.35, diffuse: 0.7, specular: 0.0 });
  renderer.addActor(cells);

  /** @param {Set<string>} keys parts to show, with "cells" for the dots; @param {Float32Array} dots their positions */
  return function show(keys, dots) {
    parts.forEach(({ key, actor }) => actor.setVisibility(keys.has(key)));
    cells.setVisibility(keys.has('cells') && dots.length > 0);
    if (dots.length === 0) return;
    cloud.getPoints().setData(dots, 3);
    cloud.getVerts().setData(cellArray(Uint32Array.from({ length: dots.length / 3 }, (_, i) => i), 1));
    cloud.modified();
  };
}

/** Builds the scene in a container; the returned functions are all that the page needs. */
export function createStage(container, scene) {
  const renderWindow = vtkRenderWindow.newInstance();
  const renderer = vtkRenderer.newInstance({ background: BACKGROUND });
  renderWindow.addRenderer(renderer);
  const canvas = vtkOpenGLRenderWindow.newInstance();
  canvas.setContainer(container);
  renderWindow.addView(canvas);
  const interactor = vtkRenderWindowInteractor.newInstance();
  interactor.setView(canvas);
  interactor.initialize();
  interactor.setInteractorStyle(vtkInteractorStyleTrackballCamera.newInstance());
  interactor.bindEvents(container);

  const colours = vtkColorTransferFunction.newInstance();
  const surface = vtkPolyData.newInstance();
  surface.getPoints().setData(scene.points, 3);
  const scalars = vtkDataArray.newInstance({ name: 'field', values: new Float32Array(scene.points.length / 3) });
  surface.getPointData().setScalars(scalars);
  const mapper = vtkMapper.newInstance({ interpolateScalarsBeforeMapping: true, useLookupTableScalarRange: true });
  mapper.setLookupTable(colours);
  mapper.setInputData(surface);
  const actor = vtkActor.newInstance();
  actor.setMapper(mapper);
  actor.getProperty().set({ ambient: 0.68, diffuse: 0.34, specular: 0.0 });
  renderer.addActor(actor);

  const outline = vtkPolyData.newInstance();
  outline.getPoints().setData(scene.points, 3);
  const outlineMapper = vtkMapper.newInstance({ scalarVisibility: false });
  outlineMapper.setInputData(outline);
  outlineMapper.setResolveCoincidentTopologyToPolygonOffset();
  outlineMapper.setRelativeCoincidentTopologyLineOffsetParameters(-2, -2);
  const outlineActor = vtkActor.newInstance();
  outlineActor.setMapper(outlineMapper);
  outlineActor.getProperty().set({ color: [0.05, 0.07, 0.1], lighting: false, lineWidth: 2 });
  renderer.addActor(outlineActor);

  const showAnatomy = scene.anatomy && createAnatomy(renderer, scene.anatomy);

  const cube = directionCube(interactor);
  const render = () => renderWindow.render();

  function resize() {
    const box = container.getBoundingClientRect();
    const scale = window.devicePixelRatio || 1;
    canvas.setSize(Math.max(1, Math.floor(box.width * scale)), Math.max(1, Math.floor(box.height * scale)));
    cube.updateViewport();
    render();
  }

  let shown = [];

  /** The parts of the disc in place of a surface; see `createAnatomy`. */
  function showParts(keys, dots) {
    shown = scene.anatomy.places;
    actor.setVisibility(false);
    outlineActor.setVisibility(false);
    showAnatomy(keys, dots);
    render();
  }

  function showView(view) {
    shown = view.places;
    if (showAnatomy) showAnatomy(new Set(), new Float32Array(0));
    actor.setVisibility(true);
    outlineActor.setVisibility(true);
    surface.getPolys().setData(cellArray(view.triangles, 3));
    surface.modified();
    outline.getLines().setData(cellArray(view.lines, 2));
    outline.modified();
  }

  function showValues(values, low, high, stops) {
    colours.removeAllPoints();
    stops.forEach(([red, green, blue], i) => {
      colours.addRGBPoint(low + ((high - low) * i) / (stops.length - 1), red, green, blue);
    });
    colours.setMappingRange(low, high);
    scalars.setData(values);
    surface.modified();
    render();
  }

  function standAt(name) {
    const { from, up } = STANDPOINTS[name];
    const camera = renderer.getActiveCamera();
    const { width, height } = container.getBoundingClientRect();
    const { focus, distance, towards } = fit(shown, from, up, camera.getViewAngle(), width / height);
    // The cube follows every single change, so the camera must never look along its own up on the way: turn it by a skew up first.
    camera.setViewUp(...SKEW);
    camera.setPositionAndFocalPoint(
      focus.map((place, axis) => place + distance * towards[axis]),
      focus,
    );
    camera.setViewUp(...up);
    camera.orthogonalizeViewUp();
    renderer.resetCameraClippingRange();
    cube.updateMarkerOrientation();
    render();
  }

  function turn(azimuth, elevation) {
    const camera = renderer.getActiveCamera();
    camera.azimuth(azimuth);
    camera.elevation(elevation);
    camera.orthogonalizeViewUp();
    renderer.resetCameraClippingRange();
    cube.updateMarkerOrientation();
    render();
  }

  function zoom(factor) {
    renderer.getActiveCamera().dolly(factor);
    renderer.resetCameraClippingRange();
    render();
  }

  /** Ray in world coordinates under a point of the container, given in CSS pixels. */
  function rayAt(x, y) {
    const box = container.getBoundingClientRect();
    const [width, height] = canvas.getSize();
    const display = [(x / box.width) * width, (1 - y / box.height) * height];
    const near = canvas.displayToWorld(display[0], display[1], 0, renderer);
    const far = canvas.displayToWorld(display[0], display[1], 1, renderer);
    return { origin: Array.from(near), direction: [far[0] - near[0], far[1] - near[1], far[2] - near[2]] };
  }

  return { resize, showView, showParts, showValues, standAt, turn, zoom, rayAt };
}
