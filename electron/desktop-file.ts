/**
 * `<home>/desktop.json`: what the desktop app remembers for itself. A file that is damaged or from elsewhere loses what
 * cannot be read, never the app: nothing in it is worth a refusal to start.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface WindowPlace {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly maximized: boolean
}

export type ThemeName = 'system' | 'light' | 'dark'

export interface DesktopFile {
  readonly theme: ThemeName
  /** A BCP 47 tag; empty: as the system. */
  readonly language: string
  /** Absent: the window was never closed. In the pixels of the system. */
  readonly window?: WindowPlace
}

const defaults: DesktopFile = { theme: 'system', language: '' }
const SIZE_MAX = 65_536

export const isLanguage = (text: string): boolean => /^([A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4})?$/.test(text)

const isWhole = (value: unknown, min: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= min && value <= SIZE_MAX

const parseWindow = (value: unknown): WindowPlace | undefined => {
  if (typeof value !== 'object' || value === null) return undefined
  const { x, y, width, height, maximized }: Partial<Record<keyof WindowPlace, unknown>> = value
  if (!isWhole(x, -SIZE_MAX) || !isWhole(y, -SIZE_MAX) || !isWhole(width, 1) || !isWhole(height, 1)) return undefined
  return { x, y, width, height, maximized: maximized === true }
}

export const parseDesktopFile = (text: string): DesktopFile => {
  let file: unknown
  try {
    file = JSON.parse(text)
  } catch {
    return defaults
  }
  if (typeof file !== 'object' || file === null) return defaults
  const { theme, language, window }: Partial<Record<keyof DesktopFile, unknown>> = file
  const place = parseWindow(window)
  return {
    theme: theme === 'light' || theme === 'dark' ? theme : 'system',
    language: typeof language === 'string' && isLanguage(language) ? language : '',
    ...(place && { window: place }),
  }
}

/** The file of one home, read once. */
export class DesktopMemory {
  readonly #path: string
  #now: DesktopFile

  constructor(home: string) {
    this.#path = join(home, 'desktop.json')
    this.#now = defaults
    try {
      this.#now = parseDesktopFile(readFileSync(this.#path, 'utf8'))
    } catch {
      // Not there yet, or not readable: the defaults serve.
    }
  }

  get now(): DesktopFile {
    return this.#now
  }

  /** Replaces the file as a whole. Throws the system's error when it cannot. */
  change(change: Partial<DesktopFile>): void {
    this.#now = { ...this.#now, ...change }
    const fresh = `${this.#path}.${process.pid}`
    writeFileSync(fresh, `${JSON.stringify(this.#now, null, 2)}\n`, { mode: 0o600 })
    renameSync(fresh, this.#path)
  }
}
