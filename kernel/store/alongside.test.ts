/** What a caller writes alongside an intention: in one transaction with it, so that a crash leaves both or neither. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bytesToHex } from '../core/bytes.ts'
import type { Witnessed } from '../dag/port.ts'
import { kvBatch } from '../state/kv.ts'
import { KV_TYPE } from '../state/registry.ts'
import { openLmdb } from '../storage/lmdb.ts'
import { MemoryDisk } from '../storage/memory.ts'
import type { StorageBackend, StorageWriter } from '../storage/port.ts'
import type { LocalStore } from './store.ts'
import { KERNEL_TABLES } from './tables.ts'
import { must, openDevice, stateOf, storeOf, TestClock, type Device } from './testkit.ts'

const TABLES = [...KERNEL_TABLES, 'notes']
const put = (key: number) => () => ({ app: kvBatch().put(Uint8Array.of(key), Uint8Array.of(key)).encode() })
/** Remembers the intention under its hash. */
const note = (tx: StorageWriter, written: Witnessed | undefined) => tx.put('notes', written!.hash, Uint8Array.of(1))
const notesIn = (backend: StorageBackend): string[] =>
  [...backend.range('notes')].map(([key]) => bytesToHex(key)).sort()
/** Hashes of the intentions after the founding ones. */
const writtenIn = (store: LocalStore, founding: number): string[] =>
  [...store.dag.log(founding)].map(({ hash }) => bytesToHex(hash)).sort()

let dir = ''
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lattice-alongside-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

const backends: [string, () => StorageBackend][] = [
  ['memory', () => new MemoryDisk(TABLES).open()],
  ['lmdb', () => openLmdb({ path: dir, tables: TABLES })],
]

describe.each(backends)('on %s', (_, open) => {
  let device: Device
  let store: LocalStore
  let founding: number
  beforeEach(async () => {
    device = await openDevice('a', new TestClock(), open())
    store = storeOf(device, must(await device.manager.create(KV_TYPE, { name: 'notes' })).id)
    founding = store.dag.count
  })
  afterEach(async () => {
    await device.manager[Symbol.asyncDispose]()
    await device.backend[Symbol.asyncDispose]()
  })

  test('is told the intention it goes with; undefined where there is nothing to say', async () => {
    const told: (string | undefined)[] = []
    const tell = (_tx: StorageWriter, written: Witnessed | undefined) =>
      void told.push(written && bytesToHex(written.hash))
    must(await store.submit(put(1), tell))
    must(await store.submit(() => undefined, tell))
    expect(told).toEqual([...writtenIn(store, founding), undefined])
  })

  test('is not asked when the draft is refused', async () => {
    const refused = await store.submit(
      () => ({ app: Uint8Array.of(0xff) }),
      () => expect.unreachable(),
    )
    expect(refused).toMatchObject({ ok: false, error: { kind: 'bad-op' } })
  })

  test('throws: neither is there, nobody is told, and the store goes on as if nothing had been', async () => {
    must(await store.submit(put(1), note))
    const before = { state: stateOf(device, store.id), log: writtenIn(store, founding), notes: notesIn(device.backend) }
    const changes = store.watch()[Symbol.asyncIterator]()
    const next = changes.next()
    const failing = store.submit(put(2), (tx, written) => {
      note(tx, written)
      throw new Error('no room in the index')
    })
    const beside = store.submit(put(3), note) // shares the commit of the one that fails
    await expect(failing).rejects.toThrow('no room in the index')
    const third = must(await beside)!
    expect((await next).value!.witnessed).toEqual([{ hash: third.hash, local: true }])
    expect(writtenIn(store, founding)).toEqual([...before.log, bytesToHex(third.hash)].sort())
    expect(notesIn(device.backend)).toEqual(writtenIn(store, founding))
    expect(store.state.cells.value(Uint8Array.of(2))).toBeUndefined()
    must(await store.submit(put(2), note))
    expect(notesIn(device.backend)).toEqual(writtenIn(store, founding))
    expect(await store.rebuild()).toEqual({ changed: false, intentions: store.dag.count })
    expect(stateOf(device, store.id).length).toBeGreaterThan(before.state.length)
  })
})

test.each(['before', 'after'])('the power fails just %s the commit: neither, or both', async (when) => {
  const disk = new MemoryDisk(TABLES)
  let waiting: (() => void) | undefined
  let isHeld = false
  const backend = disk.open({ defer: (commit) => (isHeld ? (waiting = commit) : queueMicrotask(commit)) })
  const clock = new TestClock()
  const device = await openDevice('a', clock, backend)
  const id = must(await device.manager.create(KV_TYPE, { name: 'notes' })).id
  const founding = storeOf(device, id).dag.count
  isHeld = true
  let isAcknowledged = false
  const submitted = storeOf(device, id).submit(put(1), note)
  void submitted.then(() => (isAcknowledged = true))
  await new Promise(setImmediate)
  expect(isAcknowledged).toBe(false)
  if (when === 'after') {
    waiting!()
    await submitted
  }
  backend.crash()
  const again = await openDevice('a', clock, disk.open())
  expect(writtenIn(storeOf(again, id), founding)).toHaveLength(when === 'after' ? 1 : 0)
  expect(notesIn(again.backend)).toEqual(writtenIn(storeOf(again, id), founding))
})

const url = (path: string) => JSON.stringify(new URL(path, import.meta.url).href)

/** A process of its own: opens the device in `dir`, says the number of founding intentions, then runs the script. */
const run = (script: string, [command, ...args]: readonly string[] = []) => {
  const whole = `
    const { openLmdb } = await import(${url('../storage/lmdb.ts')})
    const { kvBatch } = await import(${url('../state/kv.ts')})
    const { must, openDevice, TestClock } = await import(${url('testkit.ts')})
    const backend = openLmdb({ path: ${JSON.stringify(dir)}, tables: ${JSON.stringify(TABLES)} })
    const device = await openDevice('a', new TestClock(), backend)
    const store = must(await device.manager.create('${KV_TYPE}', { name: 'notes' }))
    const say = (line) => process.stdout.write(line + '\\n')
    const put = (n, size) => () =>
      ({ app: kvBatch().put(Uint8Array.of(n >> 8, n), new Uint8Array(size)).encode() })
    const note = (size) => (tx, { hash }) => tx.put('notes', hash, new Uint8Array(size))
    say(store.dag.count)
    ${script}`
  const node = [process.execPath, '--input-type=module', '-e', whole]
  const [program, ...rest] = command === undefined ? node : [command, ...args, ...node]
  return spawn(program!, rest, { stdio: ['ignore', 'pipe', 'ignore'] })
}

const ended = async (child: ReturnType<typeof run>): Promise<void> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

/** Opens what the process left: the hashes of what it wrote, and of its notes. */
const leftBehind = async (founding: number): Promise<{ written: string[]; notes: string[] }> => {
  await using backend = openLmdb({ path: dir, tables: TABLES })
  const { manager } = await openDevice('a', new TestClock(), backend)
  await using _manager = manager
  return { written: writtenIn(manager.list()[0]!, founding), notes: notesIn(backend) }
}

test('kill -9 inside of it: neither is there, and what was acknowledged before has both', async () => {
  const child = run(`
    for (let n = 0; ; n++) {
      const kill = n === 5 ? (tx, written) => { note(1)(tx, written); process.kill(process.pid, 'SIGKILL') } : note(1)
      must(await store.submit(put(n, 10), kill))
    }`)
  let said = ''
  for await (const chunk of child.stdout) said += String(chunk)
  await ended(child)
  expect(child.signalCode).toBe('SIGKILL')
  const { written, notes } = await leftBehind(Number(said))
  expect(written).toHaveLength(5)
  expect(notes).toEqual(written)
})

test('kill -9 anywhere: every intention has its note, every note its intention', async () => {
  const child = run(`
    for (let n = 0; ; n += 8) {
      const some = Array.from({ length: 8 }, (_, i) => store.submit(put(n + i, 500), note(500)))
      for (const result of await Promise.all(some)) must(result)
      say(n + 8)
    }`)
  let said = ''
  for await (const chunk of child.stdout) {
    said += String(chunk)
    if (said.split('\n').length > 20) break
  }
  child.kill('SIGKILL')
  await ended(child)
  const lines = said.slice(0, said.lastIndexOf('\n')).split('\n').map(Number)
  const { written, notes } = await leftBehind(lines[0]!)
  expect(notes).toEqual(written)
  expect(written.length).toBeGreaterThanOrEqual(lines.at(-1)!)
})

test.skipIf(process.platform === 'win32')('a disk that takes no more leaves both or neither', async () => {
  // The shell's file size limit stands in for a full disk; its signal is ignored as a service manager would.
  const limited = ['bash', '-c', `ulimit -f 1600; trap '' XFSZ; exec "$@"`, 'limited']
  const child = run(
    `
    let result
    for (let n = 0; !result || result.ok; n++) result = await store.submit(put(n, 10), note(20_000))
    say(result.error.kind)
    say(store.dag.count)`,
    limited,
  )
  let said = ''
  for await (const chunk of child.stdout) said += String(chunk)
  await ended(child)
  const [founding, kind, count] = said.split('\n')
  expect(kind).toBe('disk-full')
  const { written, notes } = await leftBehind(Number(founding))
  expect(notes).toEqual(written)
  expect(written.length).toBe(Number(count) - Number(founding))
  expect(written.length).toBeGreaterThan(10)
})
