/** What a process leaves behind when it dies or its disk fails, seen from outside it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openLmdb } from './lmdb.ts'

let dir = ''
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lattice-crash-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

const prelude = () => `
  const { openLmdb } = await import(${JSON.stringify(new URL('lmdb.ts', import.meta.url).href)})
  const backend = openLmdb({ path: ${JSON.stringify(dir)}, tables: ['a'] })
  const key = (n) => Uint8Array.of(n >> 8, n)
`

const run = (script: string, [command, ...args]: readonly string[] = []) => {
  const node = ['--input-type=module', '-e', prelude() + script]
  const stdio = ['ignore', 'pipe', 'ignore'] as const
  return command === undefined
    ? spawn(process.execPath, node, { stdio: [...stdio] })
    : spawn(command, [...args, process.execPath, ...node], { stdio: [...stdio] })
}

test('kill -9 loses nothing acknowledged and leaves no body half done', async () => {
  const child = run(`
    for (let n = 0; ; n++) {
      await backend.write((tx) => { for (const half of [0, 1]) tx.put('a', Uint8Array.of(half, n >> 8, n), new Uint8Array(500)) })
      process.stdout.write(n + '\\n')
    }`)
  let said = ''
  for await (const chunk of child.stdout!) {
    said += String(chunk)
    if (said.split('\n').length > 50) break
  }
  child.kill('SIGKILL')
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  const acknowledged = Number(said.slice(0, said.lastIndexOf('\n')).split('\n').at(-1))
  await using backend = openLmdb({ path: dir, tables: ['a'] })
  const [first, second] = [0, 1].map((half) =>
    backend.count('a', { gte: Uint8Array.of(half), lt: Uint8Array.of(half + 1) }),
  )
  expect(first).toBe(second)
  expect(first).toBeGreaterThan(acknowledged)
})

test.skipIf(process.platform === 'win32')('a disk that takes no more fails the write, not the process', async () => {
  // The shell's file size limit stands in for a full disk; its signal is ignored as a service manager would.
  const limited = ['bash', '-c', `ulimit -f 800; trap '' XFSZ; exec "$@"`, 'limited']
  const child = run(
    `
    let n = 0
    const put = () => backend.write((tx) => tx.put('a', key(n), new Uint8Array(20_000)))
    let failure
    while (!failure) await put().then(() => n++, (error) => { failure = error })
    const again = await put().then(() => 'no error', (error) => error.name)
    process.stdout.write(JSON.stringify({ n, name: failure.name, again, count: backend.count('a') }))
    await backend[Symbol.asyncDispose]()`,
    limited,
  )
  let said = ''
  for await (const chunk of child.stdout!) said += String(chunk)
  const { n, name, again, count } = JSON.parse(said) as Record<string, unknown>
  expect([name, again]).toEqual(['StorageError', 'StorageError'])
  expect(count).toBe(n)
  await using backend = openLmdb({ path: dir, tables: ['a'] })
  expect(backend.count('a')).toBe(n)
  await backend.write((tx) => tx.put('a', Uint8Array.of(9), new Uint8Array(20_000)))
})
