/** The cell codec and the conflict engine, against damage and against a naive model. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytesToHex, type Hash, type PublicKey } from '../core/bytes.ts'
import { compareHeads, CorruptCellError, decodeCell, decodeWinner, encodeCell, isConflicted } from './cell.ts'
import { cellProperty, headsArbitrary } from './cell.property.ts'
import { nextHeads } from './table.ts'
import type { AppliedAt, Head } from './port.ts'

describe('cells', () => {
  test('come back as they were written, the winner without the losers', () => {
    fc.assert(
      fc.property(headsArbitrary, (heads) => {
        const bytes = encodeCell(heads)
        expect(decodeCell(bytes).heads).toEqual(heads)
        expect(decodeWinner(bytes)).toEqual(heads[0]!.value)
        expect(isConflicted(bytes)).toBe(heads.length > 1)
      }),
    )
  })

  test('damaged bytes are refused by name, and nothing decodes that would be written otherwise', () => {
    fc.assert(cellProperty, { numRuns: 500 })
    for (const bytes of [[], [1], [1, 0], [2, 1], [1, 0x81, 0]])
      expect(() => decodeCell(Uint8Array.from(bytes))).toThrow(CorruptCellError)
  })
})

/** Write i of a random history, with the set of writes it had seen. */
interface ModelWrite {
  readonly head: Head
  readonly past: ReadonlySet<string>
  readonly keep: readonly Hash[]
}

const history = fc.array(
  fc.record({ seen: fc.array(fc.nat(30), { maxLength: 4 }), author: fc.nat(3), later: fc.nat(4), keep: fc.nat(3) }),
  { minLength: 1, maxLength: 20 },
)

const build = (steps: readonly { seen: number[]; author: number; later: number; keep: number }[]): ModelWrite[] => {
  const writes: ModelWrite[] = []
  steps.forEach(({ seen, author, later, keep }, i) => {
    const parents = i === 0 ? [] : seen.map((n) => writes[n % i]!)
    const past = new Set(parents.flatMap((p) => [...p.past, bytesToHex(p.head.hash)]))
    const hlc = parents.reduce((most, p) => (p.head.hlc > most ? p.head.hlc : most), 0n) + BigInt(1 + later)
    const hash = new Uint8Array(32).fill(i + 1) as Hash
    const head = { hash, author: new Uint8Array(32).fill(author) as PublicKey, seq: i + 1, hlc, value: Uint8Array.of(i) }
    const kept = writes.filter((w) => past.has(bytesToHex(w.head.hash))).slice(0, keep)
    writes.push({ head, past, keep: kept.map((w) => w.head.hash) })
  })
  return writes
}

test('the heads of a key are a function of the set of writes, in any order that respects causes', () => {
  fc.assert(
    fc.property(history, fc.array(fc.nat(1_000), { minLength: 1 }), (steps, picks) => {
      const writes = build(steps)
      const causality = {
        isAncestor: (a: { hash: Hash }, of: Hash) => {
          const hex = bytesToHex(a.hash)
          return hex === bytesToHex(of) || writes.find((w) => bytesToHex(w.head.hash) === bytesToHex(of))!.past.has(hex)
        },
      }
      const expected = writes
        .filter(
          ({ head }) =>
            !writes.some((w) => w.past.has(bytesToHex(head.hash)) && !w.keep.some((k) => bytesToHex(k) === bytesToHex(head.hash))),
        )
        .map(({ head }) => head)
        .sort(compareHeads)
      let heads: Head[] = []
      const done = new Set<string>()
      for (let i = 0; done.size < writes.length; i++) {
        const ready = writes.filter((w) => !done.has(bytesToHex(w.head.hash)) && [...w.past].every((p) => done.has(p)))
        const { head, keep } = ready[picks[i % picks.length]! % ready.length]!
        heads = nextHeads(heads, head.value, { ...head, causality } as AppliedAt, keep)
        done.add(bytesToHex(head.hash))
      }
      expect(heads).toEqual(expected)
    }),
  )
})
