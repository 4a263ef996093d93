/** What peers may not send, what readers are told, and what survives, on memory and on LMDB. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { bytesToHex, type StoreId } from '../core/bytes.ts'
import { OPS_BYTES_MAX, parseIntention, signIntention } from '../core/intention.ts'
import { kvBatch } from '../state/kv.ts'
import { KV_TYPE } from '../state/registry.ts'
import { openLmdb } from '../storage/lmdb.ts'
import { addPeer } from './admin.ts'
import { encodeDraft } from './author.ts'
import { KERNEL_TABLES } from './tables.ts'
import { exportLog, must, openDevice, pull, restart, stateOf, storeOf, TestClock, testSigner, type Device } from './testkit.ts'

const text = (s: string) => new TextEncoder().encode(s)
const app = (key: string, value = 'v') => kvBatch().put(text(key), text(value)).encode()
const put = (key: string, value?: string) => () => ({ app: app(key, value) })

const dirs: string[] = []
afterEach(async () => {
  for (const dir of dirs.splice(0)) await rm(dir, { recursive: true })
})

const lmdb = async () => {
  const path = await mkdtemp(join(tmpdir(), 'lattice-store-'))
  dirs.push(path)
  return { path, open: () => openLmdb({ path, tables: KERNEL_TABLES }) }
}

const shared = async (clock: TestClock, a: Device, others: readonly Device[]): Promise<StoreId> => {
  const { id } = must(await a.manager.create(KV_TYPE, { name: 'notes' }))
  for (const { name, signer } of others)
    must(await addPeer(a.manager, id, { device: signer.publicKey, name, role: 'writer' }))
  for (const device of others) {
    must(await device.manager.adopt(id))
    await pull(device, a, id)
  }
  return id
}

describe('bad input', () => {
  test('is refused one by one, with a reason, and spoils nothing else', async () => {
    const clock = new TestClock()
    const [a, b] = [await openDevice('a', clock), await openDevice('b', clock)]
    const id = await shared(clock, a, [b])
    const other = must(await a.manager.create(KV_TYPE, { name: 'other' }))
    must(await storeOf(a, id).submit(put('good')))
    const good = exportLog(storeOf(a, id).dag).at(-1)!
    const unsigned = good.slice()
    unsigned[unsigned.length - 1]! ^= 1
    const [founder, head] = [a.signer, storeOf(a, id).dag.heads()[0]!]
    const last = storeOf(a, id).dag.get(head)!
    const lie = (over: Partial<Parameters<typeof signIntention>[0]>, signer = founder) =>
      must(
        signIntention(
          { storeId: id, seq: last.seq + 1, prev: head, deps: [], hlc: last.hlc + 1n, ops: new Uint8Array(0), ...over },
          signer,
        ),
      ).bytes
    const batch = [
      text('noise'),
      new Uint8Array(OPS_BYTES_MAX * 2),
      unsigned,
      exportLog(other.dag)[0]!,
      good,
      lie({ seq: last.seq + 5 }),
      lie({ hlc: last.hlc }),
    ]
    const report = must(await storeOf(b, id).ingest(batch, founder.publicKey))
    expect(report.rejected.map(({ error }) => error.kind)).toEqual([
      'malformed', 'too-large', 'wrong-store', 'bad-signature', 'bad-chain', 'bad-clock',
    ])
    expect(report.witnessed).toBe(1)
    expect(stateOf(b, id)).toEqual(stateOf(a, id))

    const stranger = testSigner('stranger')
    const foreign = lie({ seq: 1, prev: undefined, deps: [head], ops: encodeDraft({ app: app('stolen') }) }, stranger)
    expect(must(await storeOf(b, id).ingest([foreign], founder.publicKey))).toMatchObject({ witnessed: 0, floating: 1 })
    const orphan = lie({ prev: stranger.publicKey as unknown as typeof head, seq: 9 })
    const asked = must(await storeOf(b, id).ingest([orphan], founder.publicKey))
    expect(asked.missing.map(bytesToHex)).toEqual([bytesToHex(stranger.publicKey)])
    expect(stateOf(b, id)).toEqual(stateOf(a, id))
  })

  test('of our own is refused before it is signed', async () => {
    const clock = new TestClock()
    const a = await openDevice('a', clock)
    const store = must(await a.manager.create(KV_TYPE, { name: 'notes' }))
    const before = store.dag.count
    const kinds = []
    for (const draft of [app('k', 'v'.repeat(OPS_BYTES_MAX)), app('k'.repeat(1_025)), text('noise')]) {
      const done = await store.submit(() => ({ app: draft }))
      kinds.push(done.ok ? 'ok' : done.error.kind)
    }
    expect(kinds).toEqual(['ops-too-large', 'key-too-long', 'bad-op'])
    expect(store.dag.count).toBe(before)
    expect(must(await store.submit(() => undefined))).toBeUndefined()
    await expect(store.submit(() => { throw new Error('bug') })).rejects.toThrow('bug')
    must(await store.submit(put('still', 'works')))
    await a.manager[Symbol.asyncDispose]()
    const late = await store.submit(put('late'))
    expect(late.ok ? '' : late.error.kind).toBe('store-closed')
  })
})

test('more heads than one intention can name are merged first', async () => {
  const clock = new TestClock()
  const names = Array.from({ length: 40 }, (_, i) => `d${i}`)
  const a = await openDevice('a', clock)
  const others = await Promise.all(names.map((name) => openDevice(name, clock)))
  const id = await shared(clock, a, others)
  for (const device of others) {
    await pull(device, a, id)
    must(await storeOf(device, id).submit(put('same', device.name)))
  }
  for (const device of others) await pull(a, device, id)
  const { state, dag } = storeOf(a, id)
  expect(dag.heads().length).toBe(40)
  expect(state.cells.cell(text('same'))!.heads.length).toBe(40)
  must(await storeOf(a, id).submit(put('same', 'one')))
  expect(dag.heads().length).toBe(1)
  expect(state.cells.cell(text('same'))!.heads.length).toBe(1)
  for (const bytes of exportLog(dag)) expect(must(parseIntention(bytes)).deps.length).toBeLessThanOrEqual(16)
})

test('concurrent submits follow one another and share commits; a reader is told of each exactly once', async () => {
  const clock = new TestClock()
  const { open } = await lmdb()
  const backend = open()
  const a = await openDevice('a', clock, backend)
  const store = must(await a.manager.create(KV_TYPE, { name: 'n' }))
  const count = text('count')
  const add = () =>
    store.submit((state) => {
      const now = Number(new TextDecoder().decode(state.cells.value(count) ?? text('0')))
      return { app: app('count', String(now + 1)) }
    })
  const abort = new AbortController()
  const told: string[] = []
  const start = store.dag.count
  const reading = (async () => {
    for await (const change of store.watch({ signal: abort.signal })) {
      told.push(...change.witnessed.map(({ hash }) => bytesToHex(hash)))
      if (told.length >= 300) return
    }
  })()
  for (let round = 0; round < 3; round++) for (const done of await Promise.all(Array.from({ length: 100 }, add))) must(done)
  await reading
  expect(store.state.cells.value(count)).toEqual(text('300'))
  expect(told).toEqual([...store.dag.log(start)].map(({ hash }) => bytesToHex(hash)))
  expect(await store.rebuild()).toEqual({ changed: false, intentions: start + 300 })
  await a.manager[Symbol.asyncDispose]()
  await backend[Symbol.asyncDispose]()
  const again = open()
  const reopened = await openDevice('a', clock, again)
  expect(storeOf(reopened, store.id).state.cells.value(count)).toEqual(text('300'))
  await again[Symbol.asyncDispose]()
})

test('a power cut loses nothing that was acknowledged and leaves nothing half done', async () => {
  const clock = new TestClock()
  const a = await openDevice('a', clock)
  const { id } = must(await a.manager.create(KV_TYPE, { name: 'n' }))
  for (let cut = 0; cut < 5; cut++) {
    must(await storeOf(a, id).submit(put(`kept ${cut}`)))
    void storeOf(a, id).submit(put(`lost ${cut}`))
    await restart(a, clock)
    expect(storeOf(a, id).state.cells.value(text(`kept ${cut}`))).toEqual(text('v'))
    expect(storeOf(a, id).state.cells.value(text(`lost ${cut}`))).toBeUndefined()
    expect(await storeOf(a, id).rebuild()).toMatchObject({ changed: false })
  }
})

test('a watch resumes where it stopped, and starts afresh when that is too long ago', async () => {
  const clock = new TestClock()
  const a = await openDevice('a', clock)
  const { id } = must(await a.manager.create(KV_TYPE, { name: 'n' }))
  const cursor = storeOf(a, id).dag.count
  must(await storeOf(a, id).submit(put('x')))
  must(await storeOf(a, id).submit(put('y')))
  const next = async () => (await storeOf(a, id).watch({ cursor })[Symbol.asyncIterator]().next()).value
  expect(await next()).toMatchObject({ cursor: cursor + 2, reset: false, changes: [{ key: text('x') }, { key: text('y') }] })
  await restart(a, clock)
  expect(await next()).toMatchObject({ cursor: cursor + 2, reset: true })
})
