/** Properties of the index's bytes, run shortly by the tests and at length by the fuzzer. */
import fc from 'fast-check'
import { equalBytes, type Hash } from '#kernel/core/bytes.ts'
import type { Inode, Kind } from '../filestore/port.ts'
import { decodeEntry, encodeEntry, entryKey, inoKey, parsePlace, placeKey, type Entry } from './index-codec.ts'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const time = fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n })
/** U+FEFF is part of a name, and no mark that decoders may drop. */
const name = fc
  .tuple(fc.constantFrom('', '', '', '\uFEFF'), fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }))
  .map(([mark, text]) => mark + text)
  .filter((s) => s.isWellFormed())
const head = fc.option(bytes(32), { nil: undefined }) as fc.Arbitrary<Hash | undefined>

const entry: fc.Arbitrary<Entry> = fc.record({
  parent: bytes(16) as fc.Arbitrary<Uint8Array> as fc.Arbitrary<Inode>,
  name,
  visibleName: name,
  inode: bytes(16) as fc.Arbitrary<Uint8Array> as fc.Arbitrary<Inode>,
  slot: fc.nat(255),
  kind: fc.constantFrom<Kind>('file', 'dir', 'symlink'),
  conflict: fc.boolean(),
  stat: fc.record({
    size: fc.maxSafeNat(),
    mtimeNs: time,
    ctimeNs: time,
    birthNs: time,
    ino: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    mode: fc.nat(0o7777),
  }),
  contentHead: head,
  linkHead: head,
  epoch: fc.nat(0xffffffff),
})

const same = (a: Entry, b: Entry): boolean => {
  const text = (e: Entry): string =>
    JSON.stringify(e, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}` : value))
  return text(a) === text(b)
}

export const entriesComeBack = fc.property(entry, (e) => {
  const back = decodeEntry(e.parent, e.name, encodeEntry(e))
  return back !== undefined && same(back, e)
})

/** Damaged bytes either do not decode, or are the very bytes of what they decode to. */
export const damageIsRefused = fc.property(entry, fc.array(fc.tuple(fc.nat(200), fc.nat(255))), (e, flips) => {
  const damaged = encodeEntry(e)
  for (const [at, value] of flips) if (at < damaged.length) damaged[at] = value
  const back = decodeEntry(e.parent, e.name, damaged)
  return back === undefined || equalBytes(encodeEntry(back), damaged)
})

export const noiseIsRefused = fc.property(fc.uint8Array({ maxLength: 300 }), entry, (noise, e) => {
  const back = decodeEntry(e.parent, e.name, noise)
  return back === undefined || equalBytes(encodeEntry(back), noise)
})

/** The place at the end of any key is what was put there; where there is none, nothing. */
export const placesComeBack = fc.property(entry, fc.uint8Array({ maxLength: 60 }), (e, noise) => {
  const folder = noise.subarray(0, 8)
  if (folder.length < 8) return parsePlace(noise, 24) === undefined
  const back = [
    parsePlace(entryKey(folder, e.parent, e.name), 8),
    parsePlace(placeKey(folder, e.inode, e.parent, e.name), 24),
    parsePlace(inoKey(folder, e.stat.ino, e.parent, e.name), 16),
  ]
  const found = parsePlace(noise, 8)
  return (
    back.every((place) => place?.name === e.name && equalBytes(place.parent, e.parent)) &&
    (found === undefined || equalBytes(entryKey(folder, found.parent, found.name), noise))
  )
})
