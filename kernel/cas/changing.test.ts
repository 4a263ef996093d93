/** Files that change while they are hashed are never given a name. */
import { appendFileSync, mkdtempSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readFully, withFile } from './files.ts'
import { PoolHasher } from './hasher.ts'
import type { JobName } from './jobs.ts'
import { WorkerPool } from './pool.ts'
import { noise } from './testing.ts'

let dir: string
let path: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lattice-cas-'))
  path = join(dir, 'file')
})
afterEach(() => rmSync(dir, { recursive: true }))

const changes: [string, () => void][] = [
  ['grows', () => appendFileSync(path, 'more')],
  ['shrinks', () => truncateSync(path, 10)],
  [
    'is rewritten with the same size and time',
    () => {
      writeFileSync(path, noise(2, 5_000))
      utimesSync(path, 1_000, 1_000)
    },
  ],
]

test.each(changes)('a file that %s while it is read is unstable', (_, change) => {
  writeFileSync(path, noise(1, 5_000))
  utimesSync(path, 1_000, 1_000)
  const result = withFile(path, (fd) => {
    readFully(fd, new Uint8Array(2_000), 0)
    change()
    return { kind: 'read' } as const
  })
  expect(result.kind).toBe('unstable')
})

/** Calls `meddle` once, when the first job called `name` is done. */
class MeddledPool extends WorkerPool {
  readonly #name: string
  #meddle: (() => void) | undefined

  constructor(name: string, meddle: () => void) {
    super()
    this.#name = name
    this.#meddle = meddle
  }

  override async run<In, Out>(job: JobName<In, Out>, input: In): Promise<Out> {
    const result = await super.run(job, input)
    if (job.name === this.#name) {
      this.#meddle?.()
      this.#meddle = undefined
    }
    return result
  }
}

test.each(['hash-files', 'scan-segment', 'hash-segment'])(
  'a long file that changes after a job "%s" is unstable, and hashed when asked again',
  async (job) => {
    writeFileSync(path, noise(1, 20 * 1024 * 1024))
    await using pool = new MeddledPool(job, () => appendFileSync(path, 'more'))
    const hasher = new PoolHasher(pool)
    const paths = Array.from({ length: 20 }, () => path) // so many that the first look is a worker's too
    const kinds = (await hasher.hashFiles(paths)).map(({ kind }) => kind)
    expect(kinds).toContain('unstable')
    const [again] = await hasher.hashFiles([path])
    expect(again).toMatchObject({ kind: 'hashed', stat: { size: 20 * 1024 * 1024 + 4 } })
  },
)
