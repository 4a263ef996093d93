import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { LogLevel, ReadLogsRequestSchema } from '#proto/node_api'
import { InvariantError } from '#kernel/core/result.ts'
import { LINES_MAX, NodeLog, piecesOf, textOf } from './log.ts'
import { logCalls } from './log-service.ts'

let home: string
let nowMs: number
const open = () => new NodeLog(home, () => nowMs++)
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'lattice-log-'))
  nowMs = Date.UTC(2025, 2, 1)
})
afterEach(() => rm(home, { recursive: true }))

const file = (name = 'log') => readFile(join(home, name), 'utf8')

describe('the log', () => {
  test('is in a file of the user’s alone, a line for each entry, and goes on after a restart', async () => {
    open().write('info', 'started')
    open().write('error', 'folder ', { kind: 'folder', value: 'notes' }, ' has\n  failed')
    expect(await file()).toBe(
      '2025-03-01T00:00:00.000Z info started\n2025-03-01T00:00:00.001Z error folder notes has | failed\n',
    )
    expect((await stat(join(home, 'log'))).mode & 0o777).toBe(0o600)
  })

  test('keeps 2,000 lines in memory, and two files of at most 1 MiB', async () => {
    const log = open()
    for (let i = 0; i < 4_000; i++) log.write('info', `${i} ${'x'.repeat(1_000)}`)
    expect(log.since(0)).toHaveLength(LINES_MAX)
    expect(textOf(log.since(0)[0]!.pieces)).toMatch(/^2000 /)
    for (const name of ['log', 'log.1']) expect((await stat(join(home, name))).size).toBeLessThanOrEqual(1 << 20)
    const lines = `${await file('log.1')}${await file()}`.trimEnd().split('\n')
    expect(lines.map((line) => Number(line.split(' ')[2]))).toEqual(lines.map((_, i) => 4_000 - lines.length + i))
  })

  test('goes on without its file, and says so once', async () => {
    await mkdir(join(home, 'log'))
    const log = open()
    for (const text of ['a', 'b']) log.write('info', text)
    expect(log.since(0).map(({ pieces }) => textOf(pieces))).toEqual([
      'a',
      'the log cannot be written to its file: EISDIR',
      'b',
    ])
  })

  test('holds neither links nor tokens, wherever they come from', async () => {
    const log = open()
    log.write('info', { kind: 'text', value: 'cannot follow lattice://join/c2VjcmV0 now' })
    log.write('error', ...piecesOf(new Error('GET http://127.0.0.1:1/#token=c2VjcmV0 authorization: Bearer c2VjcmV0')))
    const text = `${await file()}${log.since(0).map(({ pieces }) => textOf(pieces))}`
    expect(text).toContain('lattice://join/… now')
    expect(text).not.toContain('c2VjcmV0')
  })
})

test('of a failure only its kind and where it happened are plain', () => {
  const cause = Object.assign(new InvariantError('a\n    at secret (/home/anna/secret.txt:1:2)'), { code: 'EIO' })
  const pieces = piecesOf(cause)
  const plain = pieces.filter((piece) => typeof piece === 'string').join('')
  expect(plain).toMatch(/^unexpected failure: InvariantError EIO: {2}at .*log\.test\.ts:\d+/)
  expect(plain).not.toMatch(/secret|\//)
  expect(textOf(pieces)).toContain('secret.txt')
  expect(textOf(piecesOf('thrown'))).toBe('unexpected failure: thrown')
})

describe('reading it', () => {
  const read = (log: NodeLog, request: { follow?: boolean; level?: LogLevel }, signal: AbortSignal) =>
    logCalls(log, new AbortController().signal).readLogs(create(ReadLogsRequestSchema, request), signal)

  test('gives what there is, of a level and worse', async () => {
    const log = open()
    for (let i = 0; i < 1_200; i++) log.write('info', `${i}`)
    log.write('warning', 'w')
    log.write('error', 'e')
    const texts = async (level?: LogLevel): Promise<string[]> => {
      const all: string[] = []
      for await (const reply of read(log, { level }, new AbortController().signal))
        all.push(...(reply.ok ? reply.value.lines!.map(({ text }) => text!) : []))
      return all
    }
    expect(await texts()).toHaveLength(1_202)
    expect(await texts(LogLevel.WARNING)).toEqual(['w', 'e'])
    expect(await texts(LogLevel.ERROR)).toEqual(['e'])
  })

  test('goes on with what comes until the reader leaves', async () => {
    const log = open()
    log.write('info', 'before')
    const leave = new AbortController()
    const seen: string[] = []
    for await (const reply of read(log, { follow: true }, leave.signal)) {
      for (const { text } of reply.ok ? reply.value.lines! : []) seen.push(text!)
      if (seen.length === 1) setImmediate(() => log.write('info', 'after'))
      else leave.abort()
    }
    expect(seen).toEqual(['before', 'after'])
  })
})
