/**
 * Stand-ins for names in a report that leaves the machine: `device-3fa94c`. The same thing has the same one in every
 * report of this device, and nobody else can tell what it stands for: it is keyed with the device's own secret.
 */
import { createHmac } from 'node:crypto'
import type { LogPiece, Private } from './log.ts'

const DIGITS = 8
/** A shorter name is replaced as a word of its own only: “a” is in every other word. */
const NAME_LENGTH_MIN = 4

const patternOf = (value: string): string => {
  const literal = value.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
  return value.length < NAME_LENGTH_MIN ? `(?<![\\p{L}\\p{N}])${literal}(?![\\p{L}\\p{N}])` : literal
}

export class Placeholders {
  readonly #secret: Uint8Array
  /** What is known by name: replaced wherever it turns up in words of ours. */
  readonly #known = new Map<string, string>()

  constructor(secret: Uint8Array) {
    this.#secret = secret
  }

  of(kind: Private['kind'], value: string): string {
    const digest = createHmac('sha256', this.#secret).update(`lattice/diagnostics/v1\0${kind}\0${value}`).digest('hex')
    return `${kind}-${digest.slice(0, DIGITS)}`
  }

  /** From here on `clean` replaces it. */
  know(kind: Private['kind'], value: string): string {
    const placeholder = this.of(kind, value)
    if (value !== '' && !this.#known.has(value)) this.#known.set(value, placeholder)
    return placeholder
  }

  /** Words of ours, with all that is known, addresses and keys replaced. */
  clean(text: string): string {
    // In one pass, so that what was put in is never taken for a name again; the longest of two that begin alike wins.
    const longestFirst = [...this.#known.keys()].sort((a, b) => b.length - a.length)
    const known = new RegExp([...longestFirst.map(patternOf), '(?!)'].join('|'), 'gu')
    return text
      .replace(known, (value) => this.#known.get(value) ?? this.of('text', value))
      .replace(/\/(?:ip4|ip6|ip6zone|dns|dns4|dns6|dnsaddr|p2p)\/[^\s,;]+/g, (address) => this.of('text', address))
      .replace(/\b[0-9a-f]{16,}\b/gi, (hex) => this.of('text', hex.toLowerCase()))
  }

  /** A line of the log: what is private in it is replaced whole, whatever it says. */
  line(pieces: readonly LogPiece[]): string {
    return pieces
      .map((piece) => (typeof piece === 'string' ? piece : `[${this.of(piece.kind, piece.id ?? piece.value)}]`))
      .join('')
  }
}
