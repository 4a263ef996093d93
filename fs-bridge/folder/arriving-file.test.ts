import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi, type TestContext } from 'vitest'
import { ArrivingFile } from './arriving-file.ts'
import { nextTurn } from './slices.ts'

const MIB = 1024 * 1024
const KIB = 1024
const AT_ONCE = 6
let dir: string

beforeEach(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'lattice-arriving-'))
})
afterEach(() => {
  vi.restoreAllMocks()
  fs.rmSync(dir, { recursive: true })
})

/** Bytes of which no two stretches are alike. */
const content = (size: number): Uint8Array => {
  const words = new Uint32Array(Math.ceil(size / 4))
  let x = 0x9e3779b9
  for (let i = 0; i < words.length; i++) words[i] = x = (Math.imul(x, 1664525) + 1013904223) >>> 0
  return new Uint8Array(words.buffer, 0, size)
}

interface Piece {
  readonly offset: number
  readonly length: number
}

const cut = (size: number, lengths: readonly number[]): Piece[] => {
  const pieces: Piece[] = []
  for (let offset = 0, i = 0; offset < size; i++) {
    const length = Math.min(lengths[i % lengths.length]!, size - offset)
    pieces.push({ offset, length })
    offset += length
  }
  return pieces
}

/** Writes the pieces in order, several at once, each out of a buffer that is spoilt as soon as it may be. */
const write = async (file: ArrivingFile, whole: Uint8Array, pieces: readonly Piece[]): Promise<void> => {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < pieces.length) {
      const { offset, length } = pieces[next++]!
      const bytes = whole.slice(offset, offset + length)
      await file.write(bytes, offset)
      bytes.fill(0)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
}

const arrives = async (path: string, whole: Uint8Array, tries: readonly (readonly Piece[])[]): Promise<void> => {
  for (const pieces of tries) {
    const file = await ArrivingFile.open(path, whole.length)
    await write(file, whole, pieces)
    await file.close()
  }
  expect(Buffer.compare(fs.readFileSync(path), whole)).toBe(0)
}

/** A permutation: neighbours mostly stay near each other, as with several peers, or not at all. */
const shuffled = (pieces: readonly Piece[], keys: readonly number[], reach: number): Piece[] =>
  pieces
    .map((piece, i) => ({ piece, key: i + (keys[i % keys.length]! % reach) }))
    .sort((a, b) => a.key - b.key)
    .map(({ piece }) => piece)

const arrival = fc.record({
  size: fc.oneof(fc.integer({ min: 1, max: 2 * MIB }), fc.integer({ min: 8 * MIB - 3, max: 13 * MIB })),
  lengths: fc.array(fc.integer({ min: 16 * KIB, max: 1024 * KIB }), { minLength: 1, maxLength: 9 }),
  keys: fc.array(fc.nat(1000), { minLength: 1, maxLength: 40 }),
  reach: fc.constantFrom(1, 4, 1000),
  /** How many of the pieces an earlier try brought. */
  before: fc.nat(100),
})

test('whatever the order of its pieces, the file is whole', async () => {
  let n = 0
  await fc.assert(
    fc.asyncProperty(arrival, async ({ size, lengths, keys, reach, before }) => {
      const pieces = shuffled(cut(size, lengths), keys, reach)
      const split = Math.floor((pieces.length * before) / 100)
      await arrives(join(dir, `${n++}`), content(size), [pieces.slice(0, split), pieces.slice(split)])
    }),
    { numRuns: 40 },
  )
})

test('what an earlier try left is read', async () => {
  const whole = content(9 * MIB)
  const first = await ArrivingFile.open(join(dir, 'f'), whole.length)
  await write(first, whole, cut(3 * MIB, [256 * KIB]))
  await first.close()
  const second = await ArrivingFile.open(join(dir, 'f'), whole.length)
  expect(await second.size()).toBe(3 * MIB)
  expect(Buffer.compare((await second.read(MIB, MIB))!, whole.subarray(MIB, 2 * MIB))).toBe(0)
  expect(await second.read(3 * MIB - 1, 2)).toBeUndefined()
  await second.close()
})

test('a full disk is said by the write or at the end, and both descriptors are closed', (context) =>
  onDisk(context, ['-t', 'tmpfs', '-o', 'size=4m'], async () => {
    const whole = content(9 * MIB)
    const file = await ArrivingFile.open(join(dir, 'f'), whole.length)
    const all = write(file, whole, cut(whole.length, [MIB])).finally(() => file.close())
    await expect(all).rejects.toMatchObject({ code: 'ENOSPC' })
    expect(openIn(dir)).toEqual([])
  }))

/** What this process has open below a directory. */
const openIn = (top: string): string[] =>
  fs
    .readdirSync('/proc/self/fd')
    .map((fd) => {
      try {
        return fs.readlinkSync(`/proc/self/fd/${fd}`)
      } catch {
        return '' // the one that listed them is closed by now
      }
    })
    .filter((target) => target.startsWith(top))

test('of blocks with gaps only a few wait in memory', async () => {
  const whole = content(12 * MIB)
  const file = await ArrivingFile.open(join(dir, 'f'), whole.length)
  await write(
    file,
    whole,
    Array.from({ length: 12 }, (_, n) => ({ offset: n * MIB, length: 64 * KIB })),
  )
  expect(Buffer.compare((await file.read(0, 64 * KIB)) ?? new Uint8Array(), whole.subarray(0, 64 * KIB))).toBe(0)
  await file.close()
})

test('whole blocks wait for the disk: only a few are in memory', async () => {
  const probe = await open(join(dir, 'probe'), 'w')
  const handles = Object.getPrototypeOf(probe) as FileHandle
  await probe.close()
  const real = Object.getOwnPropertyDescriptor(handles, 'write')!.value as (...args: unknown[]) => Promise<unknown>
  const disk = Promise.withResolvers<void>()
  vi.spyOn(handles, 'write').mockImplementation(async function (this: FileHandle, ...args: unknown[]) {
    await disk.promise
    return real.apply(this, args) as never
  })
  const whole = content(12 * MIB)
  const file = await ArrivingFile.open(join(dir, 'f'), whole.length)
  let taken = 0
  const all = (async () => {
    for (const { offset, length } of cut(whole.length, [MIB])) {
      await file.write(whole.subarray(offset, offset + length), offset)
      taken++
    }
  })()
  await nextTurn() // who does not wait for the disk is through by now
  expect(taken).toBeLessThanOrEqual(8)
  disk.resolve()
  await all
  await file.close()
  expect(Buffer.compare(fs.readFileSync(join(dir, 'f')), whole)).toBe(0)
})

test('a filesystem without direct writes gets ordinary ones', (context) =>
  onDisk(context, ['-t', 'ramfs'], async () => {
    const { O_CREAT, O_DIRECT } = fs.constants
    expect(() => fs.openSync(join(dir, 'probe'), O_CREAT | O_DIRECT)).toThrow('EINVAL')
    const whole = content(10 * MIB + 5)
    await arrives(join(dir, 'f'), whole, [cut(whole.length, [300 * KIB])])
  }))

/** Runs the body with another filesystem at `dir`. */
const onDisk = async (context: TestContext, options: readonly string[], body: () => Promise<void>): Promise<void> => {
  try {
    execFileSync('mount', [...options, 'none', dir], { stdio: 'ignore' })
  } catch {
    context.skip('no right to mount a filesystem here')
  }
  try {
    await body()
  } finally {
    execFileSync('umount', ['--lazy', dir])
  }
}
