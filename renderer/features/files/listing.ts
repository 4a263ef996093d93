/**
 * The rows of one directory, as pages bring them: pure. Rows come in the order of names and each once; while a
 * directory is read again, the rows of before stay until the new ones are whole, so that nothing jumps. Where nothing
 * differs they stay for good: then nothing is put in order or drawn anew.
 */
import type { Range } from '@tanstack/react-virtual'
import { equals } from '@bufbuild/protobuf'
import type { TouchedDirectories } from '#proto/event_api'
import { FileRowSchema, type BrowseResponse, type FileRow } from '#proto/file_api'
import type { Failure } from '../../present/failure.ts'

export type Listing =
  | { at: 'loading'; rows: readonly FileRow[]; total: number }
  | { at: 'refreshing'; rows: readonly FileRow[]; total: number; fresh: readonly FileRow[] }
  | { at: 'whole'; rows: readonly FileRow[]; total: number }
  | { at: 'failed'; rows: readonly FileRow[]; total: number; why: Failure }

export const nothingYet: Listing = { at: 'loading', rows: [], total: 0 }

/** Begins to read a directory (again). */
export const reading = (listing: Listing): Listing =>
  listing.at === 'whole'
    ? { at: 'refreshing', rows: listing.rows, total: listing.total, fresh: [] }
    : { at: 'loading', rows: [], total: listing.total }

export function received(listing: Listing, page: Pick<BrowseResponse, 'rows' | 'more' | 'total'>): Listing {
  if (listing.at === 'whole' || listing.at === 'failed') return listing
  const before = listing.at === 'refreshing' ? listing.fresh : listing.rows
  const known = new Set(before.slice(-page.rows.length).map(({ name }) => name))
  const rows = [...before]
  for (const row of page.rows) {
    if (known.has(row.name)) continue
    const old = listing.at === 'refreshing' ? listing.rows[rows.length] : undefined
    rows.push(old && equals(FileRowSchema, old, row) ? old : row)
  }
  if (!page.more) {
    const isSame = rows.length === listing.rows.length && rows.every((row, at) => row === listing.rows[at])
    return { at: 'whole', rows: isSame ? listing.rows : rows, total: rows.length }
  }
  const total = Math.max(Number(page.total), rows.length)
  return listing.at === 'refreshing' ? { ...listing, fresh: rows } : { at: 'loading', rows, total }
}

/** Rows that are drawn as soon as they have come: what of them waits for a frame must not be too much for one. */
const UNDRAWN_MAX = 1000

/**
 * Whether what was read is drawn: rows that are whole or cannot be read are; while they come, each drawing costs as much
 * as there are, so it waits until there are a quarter more; and while they are read again, there is nothing new to see.
 */
export const isDrawn = (next: Listing, drawn: Listing): boolean =>
  next.at === 'loading' && drawn.at === 'loading'
    ? next.rows.length - drawn.rows.length >= Math.min(UNDRAWN_MAX, drawn.rows.length / 4)
    : next.at !== 'refreshing' || drawn.at !== 'refreshing'

/** A directory is read again no sooner than this after it was, and at most half of the time. */
const PAUSE_MS = 400

/** How long the next reading waits: all changes until then are one. */
export const dueIn = (last: { readonly fromMs: number; readonly toMs: number }, nowMs: number): number =>
  Math.max(0, last.toMs + Math.max(PAUSE_MS, last.toMs - last.fromMs) - nowMs)

/** Whether the rows of a directory may look different. */
export const isTouched = ({ directories, trees }: TouchedDirectories, path: string): boolean => {
  const here = path.normalize('NFC')
  return directories.includes(here) || trees.some((tree) => tree === '' || `${here}/`.startsWith(`${tree}/`))
}

export const failed = (listing: Listing, why: Failure): Listing => ({
  at: 'failed',
  rows: listing.rows,
  total: listing.rows.length,
  why,
})

/** The cursor of the next page; undefined when there is none to ask for. */
export function cursorOf(listing: Listing): string | undefined {
  if (listing.at === 'loading') return listing.rows.at(-1)?.name ?? ''
  return listing.at === 'refreshing' ? (listing.fresh.at(-1)?.name ?? '') : undefined
}

export type Column = 'name' | 'size' | 'changed' | 'by' | 'state'
export interface Order {
  readonly column: Column
  readonly isDescending: boolean
}
export const byName: Order = { column: 'name', isDescending: false }

/** The next order when a column's head is pressed. */
export const orderBy = (order: Order, column: Column): Order => ({
  column,
  isDescending: order.column === column && !order.isDescending,
})

/** Rows, which come in the order of names, in another order; equal ones by name. */
export function ordered(
  rows: readonly FileRow[],
  { column, isDescending }: Order,
  nameOf: (device: Uint8Array) => string,
): readonly FileRow[] {
  if (column === 'name') return isDescending ? rows.toReversed() : rows
  const valueOf: (row: FileRow) => number | string = {
    size: (row: FileRow) => Number(row.size),
    changed: (row: FileRow) => Number(row.changedMs || row.mtimeMs),
    by: authorNames(nameOf),
    state: (row: FileRow) => row.state,
  }[column]
  const sign = isDescending ? -1 : 1
  // Values first, once per row; the sort is stable, so that equal ones stay in the order of names.
  return rows
    .map((row) => ({ row, value: valueOf(row) }))
    .toSorted((a, b) => (a.value < b.value ? -sign : a.value > b.value ? sign : 0))
    .map(({ row }) => row)
}

/** Who changed a row. Very many rows have very few authors, and to name one takes longer than to know one again. */
const authorNames = (nameOf: (device: Uint8Array) => string): ((row: FileRow) => string) => {
  const known: { readonly device: Uint8Array; readonly name: string }[] = []
  return ({ changedBy }) => {
    if (changedBy.length === 0) return ''
    const found = known.find(({ device }) => changedBy.every((byte, at) => byte === device[at]))
    if (found) return found.name
    const name = nameOf(changedBy)
    known.push({ device: changedBy, name })
    return name
  }
}

/**
 * The rows to draw where those from `startIndex` to `endIndex` are seen: with some around them, and never fewer than
 * were drawn before, as long as there are so many.
 */
export function rowsDrawn(
  { startIndex, endIndex, overscan, count }: Pick<Range, 'startIndex' | 'endIndex' | 'overscan' | 'count'>,
  drawnMax: number,
): number[] {
  const length = Math.min(count, Math.max(drawnMax, endIndex - startIndex + 1 + 2 * overscan))
  const first = Math.max(0, Math.min(startIndex - overscan, count - length))
  return Array.from({ length }, (_, at) => first + at)
}

/**
 * Rows drawn one after the other, in the order their elements have in the page: each row has the elements with the number
 * `index` modulo how many there are, and `atRest` is the row whose elements came first when they were last put in order.
 */
export function inOrderOfElements<T extends { readonly index: number }>(drawn: readonly T[], atRest: number): T[] {
  const [first] = drawn
  if (first === undefined) return []
  const ahead = (atRest - first.index) % drawn.length
  const cut = ahead < 0 ? ahead + drawn.length : ahead
  return [...drawn.slice(cut), ...drawn.slice(0, cut)]
}

/** The row a key leads to in a grid of `count` rows that shows `page` at once; undefined: not a key of the grid. */
export function rowAfterKey(key: string, row: number, count: number, page: number): number | undefined {
  const to = {
    ArrowDown: row + 1,
    ArrowUp: row - 1,
    PageDown: row + page,
    PageUp: row - page,
    Home: 0,
    End: count - 1,
  }[key]
  return to === undefined ? undefined : Math.min(Math.max(0, to), Math.max(0, count - 1))
}

/** A row somebody chose: followed by its name when others come and go; where it went, its place stays. */
export interface Chosen {
  readonly at: number
  /** Undefined: nobody chose, it is the first. */
  readonly name: string | undefined
}

export function placeOf(rows: readonly FileRow[], { at, name }: Chosen): number {
  const found = name === undefined || rows[at]?.name === name ? at : rows.findIndex((row) => row.name === name)
  return Math.max(0, Math.min(found < 0 ? at : found, rows.length - 1))
}

/** How many rows those seen from `top` on have moved down (or, negative, up); none of who looks at the beginning. */
export function movedBy(before: readonly FileRow[], rows: readonly FileRow[], top: number): number {
  const name = before[top]?.name
  if (top === 0 || name === undefined || before === rows || rows[top]?.name === name) return 0
  const to = rows.findIndex((row) => row.name === name)
  return to < 0 ? 0 : to - top
}

/** A path as steps from the folder down: names, and the path up to each. */
export const crumbsOf = (path: string): { name: string; path: string }[] => {
  const names = path.split('/').filter((name) => name !== '')
  return names.map((name, at) => ({ name, path: names.slice(0, at + 1).join('/') }))
}

export const joinPath = (path: string, name: string): string => (path === '' ? name : `${path}/${name}`)
export const parentOf = (path: string): string => crumbsOf(path).at(-2)?.path ?? ''
