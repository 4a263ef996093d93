/** Names: what is one, and that no platform loses or confuses any. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { conflictBases, conflictName, hlcToMinute, splitExtension } from './conflict-names.ts'
import { assignLocalNames, caseKey, fromLocalName, isValidName, toLocalName, type Platform } from './names.ts'
import { encodeUtf8 } from '#kernel/core/bytes.ts'

const awkward = fc.constantFrom(
  '%',
  '%3A',
  '%~2',
  '%25',
  '%#',
  ':',
  '?',
  '.',
  ' ',
  'CON',
  'nul',
  'com1',
  'A',
  'a',
  'ß',
  'é',
  '😀',
  '\u0001',
)
const nameArb = fc
  .oneof(
    fc.array(fc.oneof(awkward, fc.string({ unit: 'grapheme', maxLength: 3 })), { minLength: 1, maxLength: 8 }),
    fc.array(awkward, { minLength: 1, maxLength: 120 }),
  )
  .map((parts) => parts.join('').normalize('NFC'))
  .filter(isValidName)
const platformArb = fc.constantFrom<Platform>('linux', 'windows', 'darwin')

test.each([
  ['a', true],
  ['.a', true],
  ['é'.repeat(127), true],
  ['é'.repeat(128), false],
  ['', false],
  ['.', false],
  ['..', false],
  ['a/b', false],
  ['a\0', false],
  ['e\u0301', false],
  ['\ud800', false],
])('%j is a name: %j', (name, valid) => {
  expect(isValidName(name)).toBe(valid)
})

test.each([
  ['a:b', 'a%3Ab'],
  ['con', '%63on'],
  ['CON.txt', '%43ON.txt'],
  ['console', 'console'],
  ['end.', 'end%2E'],
  ['end ', 'end%20'],
  ['100%', '100%'],
  ['100%41', '100%2541'],
])('on Windows %j is %j', (name, local) => {
  expect(toLocalName(name, 'windows')).toBe(local)
  expect(fromLocalName(local, 'windows')).toEqual({ name, rank: 1 })
})

test('a local name tells the name and rank it was made from, but for digests', () => {
  fc.assert(
    fc.property(nameArb, platformArb, fc.integer({ min: 1, max: 30 }), (name, platform, n) => {
      const rank = platform === 'linux' ? 1 : n
      const local = toLocalName(name, platform, rank)
      expect(local.length).toBeLessThanOrEqual(255)
      if (platform === 'windows')
        expect(local).not.toMatch(/[\u0001-\u001f<>:"\\|?*]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)( *\.|$)/i)
      const back = fromLocalName(local, platform)
      if (back) expect(back).toEqual({ name, rank })
      else expect(local).toMatch(/%#[0-9a-f]{32}$/)
    }),
    { numRuns: 3000 },
  )
})

test('any name found on disk stands for something', () => {
  fc.assert(
    fc.property(nameArb, platformArb, (local, platform) => {
      const found = fromLocalName(local, platform)
      if (found && found.name !== local) expect(toLocalName(found.name, platform, found.rank)).toBe(local)
    }),
    { numRuns: 2000 },
  )
})

test('the names of one directory are kept apart', () => {
  fc.assert(
    fc.property(fc.uniqueArray(nameArb, { maxLength: 12 }), platformArb, (names, platform) => {
      const locals = [...assignLocalNames(names, platform).values()]
      expect(locals.length).toBe(names.length)
      expect(new Set(locals.map((local) => caseKey(local, platform))).size).toBe(names.length)
    }),
    { numRuns: 2000 },
  )
})

test.each([
  ['a.txt', 'a', '.txt'],
  ['a.tar.gz', 'a.tar', '.gz'],
  ['.bashrc', '.bashrc', ''],
  ['noext', 'noext', ''],
  [`a.${'x'.repeat(40)}`, `a.${'x'.repeat(40)}`, ''],
])('the extension of %j', (name, stem, extension) => {
  expect(splitExtension(name)).toEqual([stem, extension])
})

test('a conflict name is a name, and tells its base', () => {
  expect(conflictName('a.txt', 'my (old) box', BigInt(Date.UTC(2026, 10, 2, 15, 4)) << 16n, 1)).toBe(
    'a (conflict, my old box, 2026-11-02 15.04).txt',
  )
  const hlcArb = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })
  fc.assert(
    fc.property(
      nameArb,
      fc.string({ unit: 'binary' }),
      hlcArb,
      fc.integer({ min: 1, max: 99 }),
      (base, device, hlc, n) => {
        const name = conflictName(base, device, hlc, n)
        expect(isValidName(name)).toBe(true)
        expect(encodeUtf8(name).length).toBeLessThanOrEqual(255)
        const bases = conflictBases(name)
        const told = bases.some((each) =>
          each.kind === 'name' ? each.name === base : base.startsWith(each.prefix) && each.matches(base),
        )
        expect(told).toBe(true)
        expect(hlcToMinute(hlc)).toMatch(/^\d{4,6}-\d\d-\d\d \d\d\.\d\d$/)
      },
    ),
    { numRuns: 3000 },
  )
})
