/** The states of the history views: unions and pure transitions. */
import type { ActivityEntry, BrowseResponse, FileRow, ListActivityResponse, RestoreTreeResponse } from '#proto/file_api'
import type { Failure } from '../../present/failure.ts'
import type { Timeline } from './timeline.ts'

export type Scrubber =
  | { at: 'loading' }
  | { at: 'failed'; why: Failure }
  | { at: 'empty' }
  | { at: 'ready'; timeline: Timeline; part: number }

/** Rows that come in pages on demand. */
export type Pages<T> =
  | { at: 'loading'; items: readonly T[] }
  | { at: 'loaded'; items: readonly T[]; next: string } // next: the cursor; empty: that was all
  | { at: 'failed'; items: readonly T[]; why: Failure }

export const noPages = { at: 'loading', items: [] } as const

export const withRows = (pages: Pages<FileRow>, { rows, more }: BrowseResponse): Pages<FileRow> => ({
  at: 'loaded',
  items: [...pages.items, ...rows],
  next: more ? (rows.at(-1)?.name ?? '') : '',
})

export const withEntries = (
  pages: Pages<ActivityEntry>,
  { entries, next }: ListActivityResponse,
): Pages<ActivityEntry> => ({
  at: 'loaded',
  items: [...pages.items, ...entries],
  next,
})

/** Restoring a directory: first what it would do, then, when a person agrees, doing it. */
export type TreeRestoring =
  | { at: 'idle' }
  | { at: 'previewing'; path: string; atMs: number }
  | { at: 'asking'; path: string; atMs: number; preview: RestoreTreeResponse }
  | { at: 'restoring'; path: string; atMs: number; preview: RestoreTreeResponse }
  | { at: 'done'; done: RestoreTreeResponse }
  | { at: 'failed'; why: Failure }

/** True when restoring would change nothing. */
export const changesNothing = ({ restored, reverted, moved, removed }: RestoreTreeResponse): boolean =>
  restored + reverted + moved + removed === 0

/** What the feed shows. Times as date inputs have them ("2027-01-31"), in the person's own time zone; empty: any. */
export interface Filter {
  readonly device: string // hex; empty: all
  readonly path: string
  readonly from: string
  readonly to: string // that day included
}

export const noFilter: Filter = { device: '', path: '', from: '', to: '' }

const dayStart = (day: string, daysLater: number): bigint => {
  const [year, month, date] = day.split('-').map(Number)
  if (!year || !month || !date) return 0n
  return BigInt(Math.max(0, new Date(year, month - 1, date + daysLater).getTime()))
}

/** The filter as ListActivity takes it: the end is exclusive there. */
export const requestOf = ({ device, path, from, to }: Filter) => ({
  device,
  path: path.trim().replace(/^\/+|\/+$/g, ''),
  fromMs: dayStart(from, 0),
  toMs: dayStart(to, 1),
})
