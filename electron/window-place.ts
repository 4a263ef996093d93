/** Where the window goes: where it was, as long as some screen still shows it. Pure. */
import type { WindowPlace } from './desktop-file.ts'

export interface Area {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export const windowSizeMin = { width: 640, height: 480 } as const
const sizeDefault = { width: 1100, height: 760 } as const
/** So much of the title must be on a screen for a person to be able to move the window. */
const VISIBLE_MIN = 100

const overlap = (from: number, length: number, areaFrom: number, areaLength: number): number =>
  Math.min(from + length, areaFrom + areaLength) - Math.max(from, areaFrom)

/** `areas` are what screens leave to windows. A place without x and y is centred by the system. */
export const placeWindow = (
  remembered: WindowPlace | undefined,
  areas: readonly Area[],
): { readonly width: number; readonly height: number; readonly x?: number; readonly y?: number } => {
  if (remembered === undefined) return sizeDefault
  const { x, y } = remembered
  const width = Math.max(remembered.width, windowSizeMin.width)
  const height = Math.max(remembered.height, windowSizeMin.height)
  const shown = areas.find(
    (area) =>
      overlap(x, width, area.x, area.width) >= VISIBLE_MIN &&
      y >= area.y - 8 &&
      y <= area.y + area.height - VISIBLE_MIN,
  )
  return shown === undefined
    ? { width, height }
    : { x, y, width: Math.min(width, shown.width), height: Math.min(height, shown.height) }
}
