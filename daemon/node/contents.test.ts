/** Content for the services, wherever it is: among our own chunks, in the trash of a folder, at a peer, nowhere. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cutBytes } from '#kernel/cas/bytes.ts'
import { Cas } from '#kernel/cas/cas.ts'
import { encodeManifests } from '#kernel/cas/manifest-parts.ts'
import { FileHasher } from '#kernel/cas/hashing.ts'
import type { BlobSource, ChunkRef, ContentHasher, HashedFile } from '#kernel/cas/port.ts'
import { CAS_TABLES } from '#kernel/cas/tables.ts'
import { noise } from '#kernel/cas/testing.ts'
import { bytesToHex } from '#kernel/core/bytes.ts'
import { openLmdb } from '#kernel/storage/lmdb.ts'
import type { StorageBackend } from '#kernel/storage/port.ts'
import type { Store } from '#kernel/store/port.ts'
import type { ContentValue } from '#fs-bridge/filestore/port.ts'
import { createFileContents } from './contents.ts'
import type { FileContents, FolderEntry } from './parts.ts'

const store = { id: new Uint8Array(32).fill(7) } as Store
const LENGTH = 700_000

let home: string
let storage: StorageBackend
let cas: Cas
/** What the only peer has, by CID in hex. */
let atPeer: Map<string, Uint8Array>
let fetched: number
/** The peer is connected, and says nothing. */
let silent: boolean
let contents: FileContents
let entry: FolderEntry

const hasher: ContentHasher = {
  hashFiles: async (paths) => paths.map((path) => new FileHasher().hashFile(path) as HashedFile),
  [Symbol.asyncDispose]: async () => undefined,
}

const blobs: BlobSource = {
  async fetch(_, chunks, onChunk, { signal } = {}) {
    if (silent)
      await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)))
    const missing: ChunkRef['cid'][] = []
    for (const { cid } of chunks) {
      const bytes = atPeer.get(bytesToHex(cid))
      if (bytes) await onChunk(cid, bytes)
      else missing.push(cid)
      fetched++
    }
    return { missing }
  },
}

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'lattice-contents-'))
  storage = openLmdb({ path: join(home, 'db'), tables: CAS_TABLES })
  cas = new Cas({ storage, home, clock: { nowMs: () => 0 } })
  atPeer = new Map()
  fetched = 0
  silent = false
  contents = createFileContents(cas, hasher, blobs)
  entry = { store, path: join(home, 'folder'), paused: false, status: undefined, failure: undefined }
})

afterEach(async () => {
  await storage[Symbol.asyncDispose]()
  rmSync(home, { recursive: true, force: true })
})

/** Content of some bytes, as a list of chunks or as a manifest; all of it is at the peer if wanted. */
const contentAtPeer = (bytes: Uint8Array, manifest: boolean): ContentValue => {
  const { chunks } = cutBytes(bytes)
  const refs = chunks.map((chunk) => ({ cid: chunk.cid, length: chunk.bytes.length }))
  for (const { cid, bytes: part } of chunks) atPeer.set(bytesToHex(cid), part)
  const base = { size: bytes.length, mtimeNs: 0n, mode: 0o644 }
  if (!manifest) return { ...base, data: { kind: 'chunks', chunks: refs } }
  const [top] = [...encodeManifests(refs)!]
  atPeer.set(bytesToHex(top!.cid), top!.bytes)
  return { ...base, data: { kind: 'manifest', cid: top!.cid as never } }
}

const within = (): AbortSignal => AbortSignal.timeout(30_000)

const readAll = async (content: ContentValue, signal = within()): Promise<Buffer | string> => {
  const pieces: Uint8Array[] = []
  for await (const piece of contents.read(entry, content, signal)) {
    if (!piece.ok) return piece.error.kind
    expect(piece.value.length).toBeLessThanOrEqual(256 * 1024)
    pieces.push(piece.value)
  }
  return Buffer.concat(pieces)
}

test.each([false, true])('what a peer has is read and kept (manifest: %s)', async (manifest) => {
  const bytes = noise(1, LENGTH)
  const content = contentAtPeer(bytes, manifest)
  expect(await readAll(content)).toEqual(bytes)
  expect(await contents.probe(entry, content, within())).toEqual(new Uint8Array(cutBytes(bytes).chunks[0]!.bytes))
  const before = fetched
  expect(await readAll(content)).toEqual(bytes)
  expect(fetched).toBe(before)
})

test('what nobody has is said to be so, also in the middle', async () => {
  const bytes = noise(2, LENGTH)
  const content = contentAtPeer(bytes, false)
  const { chunks } = cutBytes(bytes)
  atPeer.delete(bytesToHex(chunks.at(-1)!.cid))
  expect(await readAll(content)).toBe('content-unavailable')
  const other = contentAtPeer(noise(3, LENGTH), true)
  expect(await contents.probe(entry, other, within())).toBeDefined()
  const unknown = contentAtPeer(noise(4, LENGTH), true)
  atPeer.clear()
  expect(await contents.probe(entry, unknown, within())).toBeUndefined()
  expect(await readAll(unknown)).toBe('content-unavailable')
})

test('a peer that says nothing is not waited for longer than told', async () => {
  silent = true
  const content = contentAtPeer(noise(4, LENGTH), false)
  const stop = new AbortController()
  const read = readAll(content, stop.signal)
  const probed = contents.probe(entry, content, stop.signal)
  stop.abort()
  expect(await read).toBe('content-unavailable')
  expect(await probed).toBeUndefined()
})

test('what lies in the trash is read from there, and can be held', async () => {
  const bytes = noise(5, LENGTH)
  const content = contentAtPeer(bytes, false)
  atPeer.clear()
  mkdirSync(join(entry.path, '.lattice', 'trash', '2026-01-01'), { recursive: true })
  const trashed = join(entry.path, '.lattice', 'trash', '2026-01-01', 'x')
  writeFileSync(trashed, bytes)
  const held = await contents.hold(entry, content, within())
  expect(held.ok).toBe(true)
  rmSync(trashed)
  expect(await readAll(content)).toEqual(bytes)
  if (held.ok) held.value[Symbol.dispose]()
})

test('a folder that is kept nowhere here has no trash', async () => {
  entry = { ...entry, path: '' }
  const content = contentAtPeer(noise(6, LENGTH), false)
  atPeer.clear()
  expect(await readAll(content)).toBe('content-unavailable')
})

test('bytes are taken as a file of them would be', async () => {
  const bytes = noise(7, LENGTH)
  const taken = await contents.takeBytes(store, bytes, 0o755)
  expect(taken.ok && taken.value).toMatchObject({ size: LENGTH, mode: 0o755, data: cutBytes(bytes).content })
  expect(taken.ok && (await readAll(taken.value))).toEqual(bytes)
  const short = await contents.takeBytes(store, noise(8, 512), 0o644)
  expect(short.ok && short.value.data.kind).toBe('inline')
})
