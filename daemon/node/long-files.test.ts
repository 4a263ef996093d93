/** Files whose chunk list is a manifest, from one real folder into another, over the real exchange and transports. */
import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { bytesToHex, type Cid } from '#kernel/core/bytes.ts'
import { cidOf } from '#kernel/cas/digest.ts'
import { encodeManifests, PART_CHUNKS } from '#kernel/cas/manifest-parts.ts'
import { MANIFEST_CHUNKS_MAX } from '#kernel/cas/manifest.ts'
import { CHUNK_MIN, OP_CHUNKS_MAX, type BlobSource, type ChunkRef } from '#kernel/cas/port.ts'
import { noise } from '#kernel/cas/testing.ts'
import { gather } from '#fs-bridge/folder/contents.ts'
import type { FolderStatus } from '#fs-bridge/folder/status.ts'
import { openPair, type Device, type Pair } from '#fs-bridge/folder/testing.ts'
import { BlobExchange } from '#sync/blobs/exchange.ts'
import { systemTimers } from '#sync/blobs/testing.ts'
import { must, nextEvent } from '#sync/transport/conformance.ts'
import { createNode } from '#sync/transport/libp2p/testing.ts'
import { MemoryNetwork } from '#sync/transport/memory/network.ts'
import type { Transport } from '#sync/transport/port.ts'

const MEGABYTE = 1024 * 1024
const within = (): AbortSignal => AbortSignal.timeout(30_000)

/** A device's transport and exchange; counts what is read to be served, and what is handed on here. */
class Side implements AsyncDisposable {
  readonly transport: Transport
  readonly exchange: BlobExchange
  /** CIDs (hex) in the order in which they were read here for the peer. */
  readonly served: string[] = []
  /** CIDs (hex) in the order in which they came here. */
  readonly came: string[] = []
  /** Called after each chunk that came. */
  onCame: () => void = () => undefined

  constructor(device: Device, transport: Transport) {
    this.transport = transport
    this.exchange = new BlobExchange({
      transport,
      timers: systemTimers,
      mayHave: () => true,
      mayRead: () => true,
      read: (store, cid, room) => {
        this.served.push(bytesToHex(cid))
        return device.cas.read(store, cid, room)
      },
    })
    const blobs: BlobSource = {
      fetch: (store, chunks, onChunk, options) =>
        this.exchange.fetch(
          store,
          chunks,
          async (cid, bytes) => {
            await onChunk(cid, bytes)
            this.came.push(bytesToHex(cid))
            this.onCame()
          },
          options,
        ),
    }
    device.blobs = blobs
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.exchange[Symbol.asyncDispose]()
    await this.transport[Symbol.asyncDispose]()
  }
}

const inMemory = async ({ a, b }: Pair): Promise<[Transport, Transport]> => {
  const network = new MemoryNetwork({ timers: systemTimers })
  return [network.join(a.signer.publicKey), network.join(b.signer.publicKey)]
}
const overLanes = async (): Promise<[Transport, Transport]> => [await createNode(), await createNode()]

const opened: AsyncDisposable[] = []
afterEach(async () => {
  for (const each of opened.splice(0)) await each[Symbol.asyncDispose]()
})

const openSides = async (
  make: (pair: Pair) => Promise<[Transport, Transport]>,
): Promise<{ a: Device; b: Device; there: Side; here: Side }> => {
  const pair = await openPair()
  const [ofA, ofB] = await make(pair)
  const [there, here] = [new Side(pair.a, ofA), new Side(pair.b, ofB)]
  opened.push(there, here, pair)
  must(await ofB.connect(ofA.self, ofA.addresses()))
  return { a: pair.a, b: pair.b, there, here }
}

const statusThat = (device: Device, holds: (status: FolderStatus) => boolean): Promise<FolderStatus> =>
  new Promise((resolve) => {
    const off = device.folder.onStatus((status) => {
      if (!holds(status)) return
      off()
      resolve(status)
    })
  })

test('a file of more chunks than an operation names comes whole, each chunk once', async () => {
  const { a, b, there, here } = await openSides(inMemory)
  await a.open()
  await b.open()
  const bytes = noise(1, 12 * MEGABYTE)
  fs.writeFileSync(join(a.root, 'long'), bytes)
  await a.folder.settled(within())
  await b.pull(a)
  await b.folder.settled(within())
  expect(fs.readFileSync(join(b.root, 'long')).equals(bytes)).toBe(true)
  // The list, and all that it names.
  expect(here.came.length).toBeGreaterThan(OP_CHUNKS_MAX + 1)
  expect(new Set(here.came).size).toBe(here.came.length)
  expect(there.served).toHaveLength(here.came.length)
  expect(b.folder.status()).toMatchObject({ problems: [], pendingIn: 0 })
})

test.each([
  ['in memory', inMemory],
  ['over lanes', overLanes],
])('a connection that breaks in the middle, %s: what came before it is used, also after a restart', async (_, make) => {
  const { a, b, there, here } = await openSides(make)
  await a.open()
  await b.open()
  const bytes = noise(1, 12 * MEGABYTE)
  fs.writeFileSync(join(a.root, 'long'), bytes)
  await a.folder.settled(within())
  const broke = statusThat(b, ({ problems }) => problems.some(({ kind }) => kind === 'missing-content'))
  const gone = nextEvent(here.transport, 'disconnected')
  here.onCame = () => {
    if (here.came.length === 12) void here.transport.disconnect(there.transport.self)
  }
  await b.pull(a)
  expect((await broke).problems).toMatchObject([{ path: 'long', kind: 'missing-content' }])
  await gone
  expect(fs.existsSync(join(b.root, 'long'))).toBe(false)
  const before = here.came.length
  expect(before).toBeLessThan(OP_CHUNKS_MAX)
  await b.folder.stop()
  must(await here.transport.connect(there.transport.self, there.transport.addresses()))
  await b.open()
  await b.folder.settled(within())
  expect(fs.readFileSync(join(b.root, 'long')).equals(bytes)).toBe(true)
  expect(here.came.length).toBeGreaterThan(before)
  expect(new Set(here.came).size).toBe(here.came.length)
  expect(fs.readdirSync(join(b.root, '.lattice/partial'))).toEqual([])
  expect(b.folder.status().problems).toEqual([])
})

test('a list in parts: they are fetched and kept, what there is of the file lies where it belongs', async () => {
  const { a, b, there, here } = await openSides(inMemory)
  // 6.5 GB, of which all but every 2,000th chunk is one that nobody has: the file stays full of holes.
  const hole: ChunkRef = { cid: cidOf(new Uint8Array(CHUNK_MIN)), length: CHUNK_MIN }
  const solid = new Map<number, { readonly cid: Cid; readonly bytes: Uint8Array }>()
  const chunks = Array.from({ length: MANIFEST_CHUNKS_MAX + 1 }, (_, i): ChunkRef => {
    if (i % 2_000 > 0) return hole
    const bytes = new Uint8Array(noise(i, CHUNK_MIN))
    const cid = cidOf(bytes)
    solid.set(i, { cid, bytes })
    return { cid, length: CHUNK_MIN }
  })
  const lists = [...encodeManifests(chunks)!]
  expect(lists).toHaveLength(Math.ceil(chunks.length / PART_CHUNKS) + 1)
  must(await a.cas.stored.write(a.store.id, [...lists, ...solid.values()]))
  const content = {
    size: chunks.length * CHUNK_MIN,
    mtimeNs: 0n,
    mode: 0o644,
    data: { kind: 'manifest', cid: lists.at(-1)!.cid },
  } as const
  const tmp = join(b.root, 'partial')
  const sources = { storeId: b.store.id, local: b.cas, keep: b.cas.stored, blobs: b.blobs }
  const result = await gather(
    sources,
    [{ item: 'sparse', wanted: { content, tmp } }],
    () => expect.unreachable(),
    within(),
  )
  expect(result).toEqual({ missing: ['sparse'], bad: [] })
  for (const { cid, bytes } of lists) expect(must(await b.cas.read(b.store.id, cid))).toEqual(new Uint8Array(bytes))
  expect(here.came.length).toBe(lists.length + solid.size)
  expect(there.served.length).toBe(lists.length + solid.size + 1) // and once for the hole
  const fd = fs.openSync(tmp, 'r')
  const found = new Uint8Array(CHUNK_MIN)
  for (const [i, { bytes }] of solid) {
    fs.readSync(fd, found, 0, CHUNK_MIN, i * CHUNK_MIN)
    expect(Buffer.compare(found, bytes), `chunk ${i}`).toBe(0)
  }
  const { size, blocks } = fs.fstatSync(fd)
  fs.closeSync(fd)
  expect(size).toBe(content.size)
  expect(blocks * 512).toBeLessThan(2 * solid.size * CHUNK_MIN)
})
