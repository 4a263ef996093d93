import { mkdtempSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CutPlanner, cutsByDefinition, cutSequential, findCandidates } from './cuts.ts'
import { cidOf } from './digest.ts'
import { Gear, GEAR_WINDOW } from './gear.ts'
import { PoolHasher } from './hasher.ts'
import { FileHasher } from './hashing.ts'
import { WorkerPool } from './pool.ts'
import { CHUNK_MAX, type HashedFile } from './port.ts'
import { noise } from './testing.ts'

const MIB = 1024 * 1024

const sequentialCuts = (gear: Gear, content: Uint8Array): number[] => {
  gear.content.set(content)
  const ends: number[] = []
  for (let start = 0; start < content.length;) {
    start = cutSequential(gear, start, content.length)
    ends.push(start)
  }
  return ends
}

const plannedCuts = (gear: Gear, content: Uint8Array, borders: readonly number[]): number[] => {
  gear.content.set(content)
  const planner = new CutPlanner(content.length)
  if (content.length === 0) return []
  const uptos = [...new Set([...borders.filter((b) => b > 0 && b < content.length), content.length])]
  let from = 0
  return uptos
    .sort((a, b) => a - b)
    .flatMap((to) => {
      const ends = planner.push(findCandidates(gear, Math.max(from + 1, GEAR_WINDOW), to, 0), to)
      from = to
      return ends
    })
}

/** Stretches of noise and of one repeated byte: the second kind has candidates nowhere or everywhere. */
const contents = fc
  .array(fc.record({ seed: fc.nat(1000), bytes: fc.nat(700_000), flat: fc.boolean() }), { maxLength: 4 })
  .map((parts) => Buffer.concat(parts.map((p) => (p.flat ? Buffer.alloc(p.bytes, p.seed) : noise(p.seed, p.bytes)))))

describe('cuts', () => {
  const gear = new Gear(4 * MIB)

  test('sequential and planned cuts are those of the definition', () => {
    fc.assert(
      fc.property(contents, fc.array(fc.nat(3 * MIB), { maxLength: 4 }), (content, borders) => {
        const expected = cutsByDefinition(content)
        expect(sequentialCuts(gear, content)).toEqual(expected)
        expect(plannedCuts(gear, content, borders)).toEqual(expected)
      }),
      { numRuns: 15 },
    )
  }, 60_000)

  const [min, average, max] = [64 * 1024, 256 * 1024, MIB]
  test.each([
    ['a weak candidate before the average', [[min, 0]], [max]],
    ['a strong one at the minimum', [[min, 1]], [min]],
    ['a strong one short of the minimum', [[min - 1, 1]], [max]],
    ['a weak one at the average', [[average, 0]], [average]],
    ['one at the maximum', [[max, 0]], [max]],
    ['one just behind the maximum', [[max + 1, 1]], [max]],
  ])('rules at the borders: %s', (_, candidates, expected) => {
    const size = max + average
    const at = Float64Array.from(candidates, ([position]) => position!)
    const strong = Uint8Array.from(candidates, ([, isStrong]) => isStrong!)
    const ends = new CutPlanner(size).push({ at, strong }, size)
    expect(ends.slice(0, 1)).toEqual(expected)
  })

  test('an insertion near the start leaves all later cuts where they were', () => {
    const content = noise(7, 3 * MIB)
    const before = sequentialCuts(gear, content).map((end) => content.length - end)
    const after = sequentialCuts(gear, Buffer.concat([Buffer.from('x'), content])).map((e) => content.length + 1 - e)
    expect(after.filter((end) => before.includes(end)).length).toBeGreaterThanOrEqual(before.length - 3)
  })
})

describe('hashing files', () => {
  let dir: string
  let pool: WorkerPool
  let hasher: PoolHasher
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'lattice-cas-'))
    pool = new WorkerPool({ idleMs: 50 })
    hasher = new PoolHasher(pool)
  })
  afterAll(async () => {
    await pool[Symbol.asyncDispose]()
    rmSync(dir, { recursive: true })
  })

  const expectContent = (file: HashedFile | undefined, content: Uint8Array) => {
    if (file?.kind !== 'hashed') throw new Error(`${file?.path}: ${file?.kind}`)
    expect(file.stat.size).toBe(content.length)
    if (file.content.kind === 'inline') return expect(Buffer.compare(file.content.bytes, content)).toBe(0)
    let at = 0
    for (const { cid, length } of file.content.chunks) {
      expect(Buffer.compare(cid, cidOf(content.subarray(at, at + length)))).toBe(0)
      at += length
    }
    expect(at).toBe(content.length)
  }

  test('every size, on the main thread and in workers', async () => {
    const sizes = [0, 1, 512, 513, 4096, 65_536, 65_537, 300_000, MIB, 5 * MIB, 20 * MIB + 17]
    const files = sizes.map((size) => ({ path: join(dir, `size-${size}`), content: noise(size, size) }))
    for (const { path, content } of files) writeFileSync(path, content)
    const all = await hasher.hashFiles(files.map(({ path }) => path))
    for (const [i, file] of all.entries()) expectContent(file, files[i]!.content)
    for (const [i, { path, content }] of files.entries()) {
      const [file] = await hasher.hashFiles([path])
      expectContent(file, content)
      expect(file).toEqual(all[i])
    }
    const kinds = all.map((file) => (file.kind === 'hashed' ? file.content.kind : file.kind))
    expect(kinds.slice(0, 4)).toEqual(['inline', 'inline', 'inline', 'chunks'])
    expect(kinds.at(-1)).toBe('manifest')
    expect(CHUNK_MAX).toBe(MIB)
  })

  test('what is no regular file is named, not followed', async () => {
    writeFileSync(join(dir, 'target'), 'text')
    symlinkSync(join(dir, 'target'), join(dir, 'link'))
    mkdirSync(join(dir, 'directory'))
    const found = await hasher.hashFiles(['link', 'directory', 'nothing', 'target/below'].map((n) => join(dir, n)))
    expect(found.map(({ kind }) => kind)).toEqual(['unreadable', 'unreadable', 'gone', 'gone'])
  })

  test('a large file that is not as it was is not hashed', async () => {
    const path = join(dir, 'size-300000')
    const [file] = await hasher.hashFiles([path])
    if (file?.kind !== 'hashed') throw new Error('not hashed')
    const worker = new FileHasher()
    expect(worker.hashSegment(path, file.stat, 0, Uint32Array.of(1_000))).toHaveLength(32)
    const older = { ...file.stat, mtimeNs: file.stat.mtimeNs - 1n }
    expect(worker.scanSegment(path, older, 0, 1_000)).toBeUndefined()
    expect(worker.hashSegment(path, older, 0, Uint32Array.of(1_000))).toBeUndefined()
    expect(worker.hashSegment(path, file.stat, 0, Uint32Array.of(300_001))).toBeUndefined()
  })

  test('an aborted call rejects; the hasher serves the next', async () => {
    await expect(hasher.hashFiles([join(dir, 'size-1')], AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop')
    expect((await hasher.hashFiles([join(dir, 'size-1')]))[0]?.kind).toBe('hashed')
  })

  test('a job that throws rejects its caller alone', async () => {
    await expect(pool.run({ name: 'no-such-job' }, 1)).rejects.toThrow(/no-such-job/)
    expect((await hasher.hashFiles([join(dir, 'size-300000')]))[0]?.kind).toBe('hashed')
  })
})
