/** Standard output and error of one command: results, one-line errors, and a progress line where a person looks on. */
import { writeSync } from 'node:fs'
import type { LatticeError } from '#kernel/core/result.ts'
import { printable } from './format.ts'

export interface Terminal {
  /** A result for people or programs, on standard output; a line break is added. */
  print(text: string): void
  json(value: unknown): void
  /** One line on standard error; with `--json` also the error as JSON on standard output. Sets the exit code. */
  fail(error: LatticeError): void
  /** A line for a person, on standard error: what is to be known before the result is there. Not with `--json`. */
  note(text: string): void
  /** Replaces the progress line; shown only on a terminal. An empty text takes it away. */
  progress(text: string): void
  bold(text: string): string
  dim(text: string): string
  red(text: string): string
  yellow(text: string): string
  green(text: string): string
}

/** Synchronous, and again until all is out: a pipe may take less than it is given, and `exit` would drop the rest. */
const writeAll = (fd: 1 | 2, text: string): void => {
  let bytes = Buffer.from(text, 'utf8')
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(fd, bytes))
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      if (code === 'EPIPE') return // the reader has what it wanted (`| head`)
      if (code !== 'EAGAIN') throw cause
    }
  }
}

const hasColour = (): boolean =>
  process.stdout.isTTY === true && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb'

export const createTerminal = (json: boolean): Terminal => {
  const colour = hasColour()
  const paint = (code: number) => (text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text)
  const live = process.stderr.isTTY === true && !json
  let shown = false
  const clear = (): void => {
    if (shown) writeAll(2, '\r\u001b[K')
    shown = false
  }
  return {
    print(text) {
      clear()
      writeAll(1, `${text}\n`)
    },
    json: (value) => writeAll(1, `${JSON.stringify(value)}\n`),
    fail({ kind, severity, message }) {
      clear()
      writeAll(2, `lattice: ${printable(message)}\n`)
      if (json) writeAll(1, `${JSON.stringify({ error: { kind, severity, message } })}\n`)
      process.exitCode = 1
    },
    note(text) {
      if (json) return
      clear()
      writeAll(2, `${printable(text)}\n`)
    },
    progress(text) {
      if (!live) return
      clear()
      if (text === '') return
      writeAll(2, text.slice(0, (process.stderr.columns ?? 80) - 1))
      shown = true
    },
    bold: paint(1),
    dim: paint(2),
    red: paint(31),
    yellow: paint(33),
    green: paint(32),
  }
}
