/**
 * The folder index: what lies on disk, and from which writes it was made.
 *
 * Keyed by parent inode and name, so that a renamed directory is one entry whatever it holds; paths are found by
 * walking parents. Changes gather in memory, are seen by `get`, `placesOf` and `pathOf` at once, and reach the disk
 * in one commit by `flush`. `byIno` reads committed entries only: flush first.
 * One owner at a time: the folder's work loop.
 */
import { randomBytes } from 'node:crypto'
import { bytesToHex, concatBytes, equalBytes } from '#kernel/core/bytes.ts'
import type { StorageBackend } from '#kernel/storage/port.ts'
import { invariant } from '#kernel/core/result.ts'
import type { Inode } from '../filestore/port.ts'
import {
  afterPrefix,
  decodeEntry,
  encodeEntry,
  entryKey,
  inoKey,
  inoPrefix,
  parsePlace,
  placeKey,
  type Entry,
} from './index-codec.ts'

export const ROOT_INODE = new Uint8Array(16) as Inode
const ROOT_HEX = bytesToHex(ROOT_INODE)
/** Where files are kept on their way between two names: `.lattice/parked`. No inode of the store has this name. */
export const PARKED_INODE = new Uint8Array(16).fill(0xfe) as Inode
const PARKED_HEX = bytesToHex(PARKED_INODE)
export const PARKED_PATH = '.lattice/parked'
const DEPTH_MAX = 1024

export interface IndexTotals {
  files: number
  bytes: number
  conflicts: number
}

interface Pending {
  readonly before: Entry | undefined
  after: Entry | undefined
}

export const newInode = (): Inode => new Uint8Array(randomBytes(16)) as Inode

export class FolderIndex {
  readonly #backend: StorageBackend
  readonly folder: Uint8Array
  readonly #pending = new Map<string, Pending>()
  readonly #pendingPlaces = new Map<string, Entry[]>()
  /** Directory inode (hex) → its path; forgotten as a whole when a directory moves. */
  readonly #paths = new Map<string, string>()
  readonly totals: IndexTotals
  /** Entries written from now on may be lost with the power until the disk was synced past this epoch. */
  epoch = 1

  constructor(backend: StorageBackend, folder: Uint8Array) {
    this.#backend = backend
    this.folder = folder
    this.totals = this.getMeta<IndexTotals>('totals') ?? { files: 0, bytes: 0, conflicts: 0 }
  }

  get(parent: Inode, name: string): Entry | undefined {
    const pending = this.#pending.get(bytesToHex(parent) + name)
    if (pending) return pending.after
    return this.#read(parent, name)
  }

  /** Every name that shows this inode. */
  placesOf(inode: Inode): readonly Entry[] {
    const pending = this.#pendingPlaces.get(bytesToHex(inode))
    if (pending) return pending
    const prefix = concatBytes(this.folder, inode)
    const out: Entry[] = []
    for (const [key] of this.#backend.range('folder-place', { gte: prefix, lt: afterPrefix(prefix) })) {
      const place = parsePlace(key, 24)
      const entry = place && this.#read(place.parent, place.name)
      if (entry && equalBytes(entry.inode, inode)) out.push(entry)
    }
    return out
  }

  /** Entries last seen with this number of the filesystem. */
  byIno(ino: bigint): readonly Entry[] {
    this.#mustBeFlushed()
    const prefix = inoPrefix(this.folder, ino)
    const out: Entry[] = []
    for (const [key] of this.#backend.range('folder-ino', { gte: prefix, lt: afterPrefix(prefix) })) {
      const place = parsePlace(key, 16)
      const entry = place && this.#read(place.parent, place.name)
      if (entry && entry.stat.ino === ino) out.push(entry)
    }
    return out
  }

  children(dir: Inode): readonly Entry[] {
    const prefix = concatBytes(this.folder, dir)
    const out = new Map<string, Entry>()
    for (const [key, value] of this.#backend.range('folder-entry', { gte: prefix, lt: afterPrefix(prefix) })) {
      const place = parsePlace(key, 8)
      const entry = place && decodeEntry(place.parent, place.name, value)
      if (entry) out.set(entry.name, entry)
    }
    for (const { before, after } of this.#pending.values()) {
      if (before && equalBytes(before.parent, dir)) out.delete(before.name)
      if (after && equalBytes(after.parent, dir)) out.set(after.name, after)
    }
    return [...out.values()]
  }

  /** Everything under a directory, parents before children. */
  descendants(dir: Inode): readonly Entry[] {
    const out: Entry[] = [...this.children(dir)]
    for (let at = 0; at < out.length; at++) {
      const entry = out[at]!
      if (entry.kind === 'dir') out.push(...this.children(entry.inode))
    }
    return out
  }

  /** '/'-separated path of a directory, '' for the root; undefined if it is not on disk. */
  pathOfDir(inode: Inode): string | undefined {
    const chain: [string, string][] = []
    let at = inode
    let path: string | undefined
    for (let depth = 0; depth < DEPTH_MAX; depth++) {
      const hex = bytesToHex(at)
      path = hex === ROOT_HEX ? '' : hex === PARKED_HEX ? PARKED_PATH : this.#paths.get(hex)
      if (path !== undefined) break
      const entry = this.placesOf(at)[0]
      if (!entry || entry.kind !== 'dir') return undefined
      chain.push([hex, entry.name])
      at = entry.parent
    }
    if (path === undefined) return undefined
    for (const [hex, name] of chain.reverse()) {
      path = joinPath(path, name)
      this.#paths.set(hex, path)
    }
    return path
  }

  pathOf(entry: { readonly parent: Inode; readonly name: string }): string | undefined {
    const dir = this.pathOfDir(entry.parent)
    return dir === undefined ? undefined : joinPath(dir, entry.name)
  }

  /** The entry at a path, and its parent directory's inode; parent undefined: the directory is not indexed. */
  at(path: string): { readonly parent: Inode | undefined; readonly name: string; readonly entry: Entry | undefined } {
    const names = path.split('/')
    const name = names.pop()!
    let dir = ROOT_INODE
    for (const part of names) {
      const entry = this.get(dir, part)
      if (!entry || entry.kind !== 'dir') return { parent: undefined, name, entry: undefined }
      dir = entry.inode
    }
    return { parent: dir, name, entry: this.get(dir, name) }
  }

  put(entry: Entry): void {
    this.#change(entry.parent, entry.name, entry)
  }

  /** Forgets one name. What lies under a directory stays until it is deleted on its own. */
  delete(entry: { readonly parent: Inode; readonly name: string }): void {
    this.#change(entry.parent, entry.name, undefined)
  }

  move(entry: Entry, to: Entry): void {
    this.delete(entry)
    this.put(to)
  }

  /** The lowest slot that no other name of the inode uses. */
  freeSlot(inode: Inode): number {
    const used = new Set(this.placesOf(inode).map((e) => e.slot))
    let slot = 0
    while (used.has(slot)) slot++
    return slot
  }

  getMeta<T>(name: string): T | undefined {
    const bytes = this.#backend.get('folder-meta', concatBytes(this.folder, new TextEncoder().encode(name)))
    if (!bytes) return undefined
    try {
      return JSON.parse(new TextDecoder().decode(bytes)) as T
    } catch {
      return undefined // damaged: as if never written, and found again by a scan
    }
  }

  /** Durable once the promise resolves. */
  async flush(meta: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const changes = [...this.#pending.values()]
    if (changes.length === 0 && Object.keys(meta).length === 0) return
    const totals = JSON.stringify(this.totals)
    await this.#backend.write((tx) => {
      for (const { before, after } of changes) {
        if (before && !(after && samePlace(before, after))) {
          tx.delete('folder-entry', entryKey(this.folder, before.parent, before.name))
        }
        if (before && !(after && equalBytes(before.inode, after.inode)))
          tx.delete('folder-place', placeKey(this.folder, before.inode, before.parent, before.name))
        if (before && after?.stat.ino !== before.stat.ino)
          tx.delete('folder-ino', inoKey(this.folder, before.stat.ino, before.parent, before.name))
        if (!after) continue
        tx.put('folder-entry', entryKey(this.folder, after.parent, after.name), encodeEntry(after))
        if (!(before && equalBytes(before.inode, after.inode)))
          tx.put('folder-place', placeKey(this.folder, after.inode, after.parent, after.name), EMPTY)
        if (before?.stat.ino !== after.stat.ino)
          tx.put('folder-ino', inoKey(this.folder, after.stat.ino, after.parent, after.name), EMPTY)
      }
      const put = (name: string, json: string): void =>
        tx.put('folder-meta', concatBytes(this.folder, new TextEncoder().encode(name)), new TextEncoder().encode(json))
      if (changes.length > 0) put('totals', totals)
      for (const [name, value] of Object.entries(meta)) put(name, JSON.stringify(value))
    })
    this.#pending.clear()
    this.#pendingPlaces.clear()
  }

  #read(parent: Inode, name: string): Entry | undefined {
    const bytes = this.#backend.get('folder-entry', entryKey(this.folder, parent, name))
    return bytes && decodeEntry(parent, name, bytes)
  }

  #change(parent: Inode, name: string, after: Entry | undefined): void {
    const key = bytesToHex(parent) + name
    const current = this.get(parent, name)
    if (!current && !after) return
    const pending = this.#pending.get(key)
    for (const side of [current, after]) {
      if (!side) continue
      const places = this.placesOf(side.inode).filter((e) => !(e.name === name && equalBytes(e.parent, parent)))
      if (side === after) places.push(after)
      this.#pendingPlaces.set(bytesToHex(side.inode), places)
      if (side === current && side.kind === 'dir' && !(after && equalBytes(after.inode, side.inode)))
        this.#paths.clear()
      const sign = side === after ? 1 : -1
      if (side.kind !== 'dir') {
        this.totals.files += sign
        this.totals.bytes += sign * (side.kind === 'file' ? side.stat.size : 0)
        this.totals.conflicts += sign * (side.conflict ? 1 : 0)
      }
    }
    if (pending) pending.after = after
    else this.#pending.set(key, { before: current, after })
  }

  #mustBeFlushed(): void {
    invariant(this.#pending.size === 0, 'the folder index was asked for inode numbers before its changes were flushed')
  }
}

const EMPTY = new Uint8Array(0)

const samePlace = (a: Entry, b: Entry): boolean => a.name === b.name && equalBytes(a.parent, b.parent)

export const joinPath = (dir: string, name: string): string => (dir === '' ? name : `${dir}/${name}`)
