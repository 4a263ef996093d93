/** What part of a drawing is seen, and how large: pure transitions of zooming and panning. */
import type { Point } from './graph.ts'

/** A point of the drawing is shown at `point * scale + offset`. */
export interface Viewport {
  readonly scale: number
  readonly x: number
  readonly y: number
}

const SCALE_MIN = 0.15
const SCALE_MAX = 3

/** Zooms so that what is under `at` (in pixels of the view) stays there. */
export function zoomed(view: Viewport, factor: number, at: Point): Viewport {
  const scale = Math.min(SCALE_MAX, Math.max(SCALE_MIN, view.scale * factor))
  const ratio = scale / view.scale
  return { scale, x: at.x - (at.x - view.x) * ratio, y: at.y - (at.y - view.y) * ratio }
}

export const panned = (view: Viewport, dx: number, dy: number): Viewport => ({
  ...view,
  x: view.x + dx,
  y: view.y + dy,
})

/** All of a drawing in the middle of the view, never larger than life. */
export function fitted(drawing: { width: number; height: number }, view: { width: number; height: number }): Viewport {
  const whole = Math.min(1, view.width / drawing.width, view.height / drawing.height)
  const scale = Math.min(SCALE_MAX, Math.max(SCALE_MIN, Number.isFinite(whole) ? whole : 1))
  return {
    scale,
    x: (view.width - drawing.width * scale) / 2,
    y: Math.max(0, (view.height - drawing.height * scale) / 2),
  }
}

/** Moves as little as needed so that a box around `centre` is seen whole. */
export function revealing(
  view: Viewport,
  centre: Point,
  box: { width: number; height: number },
  size: { width: number; height: number },
): Viewport {
  const shift = (at: number, half: number, length: number): number =>
    at - half < 0 ? half - at : at + half > length ? length - half - at : 0
  const [x, y] = [centre.x * view.scale + view.x, centre.y * view.scale + view.y]
  return panned(
    view,
    shift(x, (box.width / 2) * view.scale + 12, size.width),
    shift(y, (box.height / 2) * view.scale + 12, size.height),
  )
}
