/**
 * What the node tells about itself: the last 2,000 lines in memory, and all of them in `<home>/log` (mode 0600), which
 * is renamed to `log.1` when it reaches 1 MiB; so the two hold at most 2 MiB.
 *
 * A line is made of pieces: plain ones are words of ours, private ones are names, paths, keys or the text of an error.
 * Only plain ones may leave the machine in a report (diagnostics.ts). Secrets are in neither: no links, no tokens.
 */
import { appendFileSync, renameSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'

export type LogLevel = 'info' | 'warning' | 'error'

export type PrivateKind = 'device' | 'folder' | 'path' | 'text'
export interface Private {
  readonly kind: PrivateKind
  readonly value: string
  /** What it is, where `value` may change: the key of a device, the id of a folder; in hex. */
  readonly id?: string
}
export type LogPiece = string | Private

export interface LogEntry {
  /** Counts up from 0 at the start of the node. */
  readonly sequence: number
  /** Unix ms. */
  readonly timeMs: number
  readonly level: LogLevel
  readonly pieces: readonly LogPiece[]
}

export const LINES_MAX = 2_000
const FILE_BYTES_MAX = 1024 * 1024
const LINE_LENGTH_MAX = 4_000

/** What opens doors must not lie in a log, whatever put it there. */
const withoutSecrets = (text: string): string =>
  text.replace(/lattice:\/\/join\/[\w~%.=-]+/gi, 'lattice://join/…').replace(/(token=|bearer\s+)[\w~%.+/=-]+/gi, '$1…')

export const textOf = (pieces: readonly LogPiece[]): string =>
  withoutSecrets(pieces.map((piece) => (typeof piece === 'string' ? piece : piece.value)).join(''))
    .replace(/\s*\n\s*/g, ' | ')
    .slice(0, LINE_LENGTH_MAX)

/** Where in the program it happened: functions and files of ours, no path of this machine. */
const framesOf = ({ stack = '', message }: Error): string =>
  // The trace begins with the message, which may look like anything.
  stack
    .slice(stack.includes(message) ? stack.indexOf(message) + message.length : 0)
    .split('\n')
    .map((line) => /^\s+at (?:async )?(?:([\w.#<>[\] ]+) \()?(.+?):(\d+):\d+\)?$/.exec(line))
    .flatMap((match) => (match ? [`${match[1] ?? '?'} (${basename(match[2]!)}:${match[3]!})`] : []))
    .slice(0, 8)
    .join(' < ')

/** A failure that nobody expected. Its message may hold anything; its class, its code and where it happened may not. */
export const piecesOf = (cause: unknown): LogPiece[] => {
  if (!(cause instanceof Error)) return ['unexpected failure: ', { kind: 'text', value: String(cause) }]
  const { code } = cause as NodeJS.ErrnoException
  const about = typeof code === 'string' && /^[A-Z_0-9]{1,40}$/.test(code) ? ` ${code}` : ''
  const at = framesOf(cause)
  return [
    `unexpected failure: ${cause.constructor.name}${about}: `,
    { kind: 'text', value: cause.message },
    at === '' ? '' : ` at ${at}`,
  ]
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

export class NodeLog {
  readonly #path: string
  readonly #nowMs: () => number
  readonly #entries: LogEntry[] = []
  readonly #listeners = new Set<() => void>()
  #next = 0
  #fileBytes: number
  #isFileBroken = false

  constructor(home: string, nowMs: () => number) {
    this.#path = join(home, 'log')
    this.#nowMs = nowMs
    this.#fileBytes = sizeOf(this.#path)
  }

  /** Never throws: a full disk must not be one more failure. The lines in memory then say so, once. */
  write(level: LogLevel, ...pieces: readonly LogPiece[]): void {
    const entry = { sequence: this.#next++, timeMs: this.#nowMs(), level, pieces }
    this.#entries.push(entry)
    if (this.#entries.length > LINES_MAX) this.#entries.shift()
    this.#append(entry)
    for (const listener of [...this.#listeners]) listener()
  }

  /** What is kept from `sequence` on, oldest first. */
  since(sequence: number, limit = LINES_MAX): readonly LogEntry[] {
    const first = this.#entries[0]?.sequence ?? 0
    const at = Math.max(sequence - first, 0)
    return this.#entries.slice(at, at + limit)
  }

  /** The sequence of the next line. */
  get next(): number {
    return this.#next
  }

  /** Calls back after every line. Returns the undo. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #append({ timeMs, level, pieces }: LogEntry): void {
    const line = Buffer.from(`${new Date(timeMs).toISOString()} ${level} ${textOf(pieces)}\n`, 'utf8')
    try {
      if (this.#fileBytes > 0 && this.#fileBytes + line.length > FILE_BYTES_MAX) {
        renameSync(this.#path, `${this.#path}.1`)
        this.#fileBytes = 0
      }
      appendFileSync(this.#path, line, { mode: 0o600 })
      this.#fileBytes += line.length
      this.#isFileBroken = false
    } catch (cause) {
      if (this.#isFileBroken) return
      this.#isFileBroken = true
      this.#fileBytes = sizeOf(this.#path)
      this.write(
        'warning',
        `the log cannot be written to its file: ${(cause as NodeJS.ErrnoException).code ?? 'unknown'}`,
      )
    }
  }
}
