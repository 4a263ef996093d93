/**
 * The folder index: what lies on disk, and from which writes it was made.
 *
 * Keyed by parent inode and name, so that a renamed directory is one entry whatever it holds; paths are found by
 * walking parents. Changes gather in memory, are seen by `get`, `placesOf` and `pathOf` at once, and reach the disk
 * by `flush`. `byIno` reads committed entries only: flush first.
 * One owner at a time: the folder's work loop. So what was read once is kept: a batch asks for the same directories
 * and the same inodes over and over.
 */
import { v7 } from 'uuid'
import { concatBytes, encodeUtf8, equalBytes } from '#kernel/core/bytes.ts'
import type { StorageBackend, StorageWriter } from '#kernel/storage/port.ts'
import { invariant } from '#kernel/core/result.ts'
import type { Inode } from '../filestore/port.ts'
import { inodeKey } from '../filestore/values.ts'
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
const ROOT_HEX = inodeKey(ROOT_INODE)
/** Where files are kept on their way between two names: `.lattice/parked`. No inode of the store has this name. */
export const PARKED_INODE = new Uint8Array(16).fill(0xfe) as Inode
const PARKED_HEX = inodeKey(PARKED_INODE)
export const PARKED_PATH = '.lattice/parked'
/**
 * Where entries are kept whose name another took before it was known where they went. They have no path. A change that
 * is told later, or the next scan, says what became of each.
 */
export const DISPLACED_INODE = new Uint8Array(16).fill(0xfd) as Inode
/** The name of what is parked or displaced. */
export const awayName = ({ inode, slot }: Pick<Entry, 'inode' | 'slot'>): string => `${inodeKey(inode)}-${slot}`
const DEPTH_MAX = 1024
/** Entries and inodes kept in memory at most, some 10 MB. */
const KEPT_MAX = 20_000
/** Changes of one transaction: it holds up the event loop for as long as it takes. */
const FLUSH_AT_ONCE = 1000

export interface IndexTotals {
  files: number
  bytes: number
}

interface Pending {
  readonly before: Entry | undefined
  after: Entry | undefined
}

/**
 * A version 7 UUID (RFC 9562): what is made together then lies together wherever rows are kept by inode. A batch touches
 * a few pages of such a table, not one for each file.
 */
export const newInode = (): Inode => v7(undefined, new Uint8Array(16)) as Inode

export class FolderIndex {
  readonly #backend: StorageBackend
  readonly folder: Uint8Array
  readonly #pending = new Map<string, Pending>()
  /** Directory inode (hex) → the pending changes in it. */
  readonly #pendingIn = new Map<string, Map<string, Pending>>()
  /** What is committed, as far as it was asked for. */
  readonly #entries = new Map<string, Entry | undefined>()
  /** What holds now, pending changes included, as far as it was asked for. */
  readonly #places = new Map<string, readonly Entry[]>()
  /** All committed entries with inode numbers in this range, by number. */
  #inoWindow: { readonly from: bigint; readonly to: bigint; readonly known: ReadonlyMap<bigint, Entry[]> } | undefined
  /** Directory inode (hex) → its path; forgotten as a whole when a directory moves. */
  readonly #paths = new Map<string, string>()
  readonly totals: IndexTotals
  /** Those of what is committed. */
  readonly #committedTotals: IndexTotals
  /** Entries written from now on may be lost with the power until the disk was synced past this epoch. */
  epoch = 1

  constructor(backend: StorageBackend, folder: Uint8Array) {
    this.#backend = backend
    this.folder = folder
    this.#committedTotals = this.getMeta<IndexTotals>('totals') ?? { files: 0, bytes: 0 }
    this.totals = { ...this.#committedTotals }
  }

  get(parent: Inode, name: string): Entry | undefined {
    const key = inodeKey(parent) + name
    const pending = this.#pending.get(key)
    return pending ? pending.after : this.#read(parent, name, key)
  }

  /** Every name that shows this inode. */
  placesOf(inode: Inode): readonly Entry[] {
    const hex = inodeKey(inode)
    const known = this.#places.get(hex)
    if (known) return known
    const prefix = concatBytes(this.folder, inode)
    const out: Entry[] = []
    for (const [key] of this.#backend.range('folder-place', { gte: prefix, lt: afterPrefix(prefix) })) {
      const place = parsePlace(key, 24)
      const entry = place && this.#read(place.parent, place.name)
      if (entry && equalBytes(entry.inode, inode)) out.push(entry)
    }
    this.#places.set(hex, out)
    return out
  }

  /** Says that an inode was made up just now: nothing needs to be looked up to know that it has no place yet. */
  noteFresh(inode: Inode): void {
    this.#places.set(inodeKey(inode), NO_PLACES)
  }

  /** Reads what is known of many numbers at once, where they lie close together: `byIno` is then answered from it. */
  expectInos(inos: readonly bigint[]): void {
    this.#inoWindow = undefined
    if (inos.length < INO_WINDOW_MIN) return
    this.#mustBeFlushed()
    let [from, to] = [inos[0]!, inos[0]!]
    for (const ino of inos) {
      if (ino < from) from = ino
      if (ino > to) to = ino
    }
    const known = new Map<bigint, Entry[]>()
    const limit = 2 * inos.length
    let count = 0
    const range = { gte: inoPrefix(this.folder, from), lt: afterPrefix(inoPrefix(this.folder, to)), limit }
    for (const [key] of this.#backend.range('folder-ino', range)) {
      count++
      const place = parsePlace(key, 16)
      const entry = place && this.#read(place.parent, place.name)
      if (entry) known.set(entry.stat.ino, [...(known.get(entry.stat.ino) ?? []), entry])
    }
    if (count < limit) this.#inoWindow = { from, to, known }
  }

  /** Entries last seen with this number of the filesystem. */
  byIno(ino: bigint): readonly Entry[] {
    this.#mustBeFlushed()
    const window = this.#inoWindow
    if (window && ino >= window.from && ino <= window.to) return window.known.get(ino) ?? NO_PLACES
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
    const hex = inodeKey(dir)
    const out = new Map<string, Entry>()
    for (const [key, value] of this.#backend.range('folder-entry', { gte: prefix, lt: afterPrefix(prefix) })) {
      const place = parsePlace(key, 8)
      if (!place) continue
      const entry = this.#entries.get(hex + place.name) ?? decodeEntry(place.parent, place.name, value)
      if (entry) out.set(entry.name, entry)
    }
    for (const [name, { after }] of this.#pendingIn.get(hex) ?? []) {
      if (after) out.set(name, after)
      else out.delete(name)
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
      const hex = inodeKey(at)
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
    // A directory on its way between two names is edited like any other.
    const isParked = path.startsWith(`${PARKED_PATH}/`)
    const names = (isParked ? path.slice(PARKED_PATH.length + 1) : path).split('/')
    const name = names.pop()!
    let dir = isParked ? PARKED_INODE : ROOT_INODE
    for (const part of names) {
      const entry = this.get(dir, part)
      if (!entry || entry.kind !== 'dir') return { parent: undefined, name, entry: undefined }
      dir = entry.inode
    }
    return { parent: dir, name, entry: this.get(dir, name) }
  }

  /** What has that name is displaced, unless it is the same file: else it would be gone without anyone having said so. */
  put(entry: Entry): void {
    const there = this.get(entry.parent, entry.name)
    if (there && !isSameFile(there, entry)) this.#displace(there)
    this.#change(entry.parent, entry.name, entry)
  }

  #displace(entry: Entry): void {
    const name = awayName(entry)
    this.#change(DISPLACED_INODE, name, { ...entry, parent: DISPLACED_INODE, name })
  }

  /** Entries that were displaced, and of which nothing was said yet. */
  displaced(): readonly Entry[] {
    return this.children(DISPLACED_INODE)
  }

  /** What the index has of a file by now, wherever. */
  current({ inode, slot }: Pick<Entry, 'inode' | 'slot'>): Entry | undefined {
    return this.placesOf(inode).find((entry) => entry.slot === slot)
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
    const bytes = this.#backend.get('folder-meta', this.#metaKey(name))
    if (!bytes) return undefined
    try {
      return JSON.parse(new TextDecoder().decode(bytes)) as T
    } catch {
      return undefined // damaged: as if never written, and found again by a scan
    }
  }

  /**
   * Durable once the promise resolves. In steps, of which a crash may lose the later ones: names go first, so that no
   * inode is ever left with a name that it has no more.
   */
  async flush(meta: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const changes = [...this.#pending.values()]
    if (changes.length === 0 && Object.keys(meta).length === 0) return
    const totals = { ...this.#committedTotals }
    for (const step of changes.length === 0 ? [] : stepsOf(changes)) {
      for (const { before, after } of step) {
        if (before) count(totals, before, -1)
        if (after) count(totals, after, 1)
      }
      await this.#backend.write((tx) => {
        for (const change of step) this.#commit(tx, change)
        this.#putMeta(tx, 'totals', totals)
      })
    }
    if (Object.keys(meta).length > 0)
      await this.#backend.write((tx) => {
        for (const [name, value] of Object.entries(meta)) this.#putMeta(tx, name, value)
      })
    this.committed()
  }

  #putMeta(tx: StorageWriter, name: string, value: unknown): void {
    tx.put('folder-meta', this.#metaKey(name), encodeUtf8(JSON.stringify(value)))
  }

  /**
   * Writes all changes within a transaction of the caller's, who says `committed` once that is durable, and `forget`
   * if it failed.
   */
  flushIn(tx: StorageWriter): void {
    if (this.#pending.size === 0) return
    for (const change of this.#pending.values()) this.#commit(tx, change)
    this.#putMeta(tx, 'totals', this.totals)
  }

  /** Gives up all changes that were not flushed, and whatever was worked out from them. */
  forget(): void {
    for (const known of [this.#pending, this.#pendingIn, this.#entries, this.#places, this.#paths]) known.clear()
    this.#inoWindow = undefined
    Object.assign(this.totals, this.#committedTotals)
  }

  #metaKey(name: string): Uint8Array {
    return concatBytes(this.folder, encodeUtf8(name))
  }

  #commit(tx: StorageWriter, { before, after }: Pending): void {
    const { folder } = this
    const sameInode = before !== undefined && after !== undefined && equalBytes(before.inode, after.inode)
    const sameIno = before?.stat.ino === after?.stat.ino
    if (before && !after) tx.delete('folder-entry', entryKey(folder, before.parent, before.name))
    if (before && !sameInode) tx.delete('folder-place', placeKey(folder, before.inode, before.parent, before.name))
    if (before && !sameIno) tx.delete('folder-ino', inoKey(folder, before.stat.ino, before.parent, before.name))
    if (!after) return
    tx.put('folder-entry', entryKey(folder, after.parent, after.name), encodeEntry(after))
    if (!sameInode) tx.put('folder-place', placeKey(folder, after.inode, after.parent, after.name), EMPTY)
    if (!sameIno) tx.put('folder-ino', inoKey(folder, after.stat.ino, after.parent, after.name), EMPTY)
  }

  /** What `flushIn` wrote is durable. */
  committed(): void {
    for (const [key, { after }] of this.#pending) this.#entries.set(key, after)
    this.#pending.clear()
    this.#pendingIn.clear()
    Object.assign(this.#committedTotals, this.totals)
    this.#inoWindow = undefined
    if (this.#places.size > KEPT_MAX) this.#places.clear()
  }

  #read(parent: Inode, name: string, key = inodeKey(parent) + name): Entry | undefined {
    const known = this.#entries.get(key)
    if (known !== undefined || this.#entries.has(key)) return known
    const bytes = this.#backend.get('folder-entry', entryKey(this.folder, parent, name))
    const entry = bytes && decodeEntry(parent, name, bytes)
    if (this.#entries.size >= KEPT_MAX) this.#entries.clear()
    this.#entries.set(key, entry)
    return entry
  }

  #change(parent: Inode, name: string, after: Entry | undefined): void {
    const hex = inodeKey(parent)
    const key = hex + name
    const current = this.get(parent, name)
    if (!current && !after) return
    for (const side of [current, after]) {
      if (!side) continue
      const places = this.placesOf(side.inode).filter((e) => !(e.name === name && equalBytes(e.parent, parent)))
      if (side === after) places.push(after)
      this.#places.set(inodeKey(side.inode), places)
      if (side === current && side.kind === 'dir' && !(after && equalBytes(after.inode, side.inode)))
        this.#paths.clear()
      count(this.totals, side, side === after ? 1 : -1)
    }
    let pending = this.#pending.get(key)
    if (pending) pending.after = after
    else this.#pending.set(key, (pending = { before: current, after }))
    const siblings = this.#pendingIn.get(hex)
    if (siblings) siblings.set(name, pending)
    else this.#pendingIn.set(hex, new Map([[name, pending]]))
  }

  #mustBeFlushed(): void {
    invariant(this.#pending.size === 0, 'the folder index was asked for inode numbers before its changes were flushed')
  }
}

/** What took the place of something else stays together: files may have swapped their names. */
function* stepsOf(changes: readonly Pending[]): Generator<readonly Pending[]> {
  if (changes.length <= FLUSH_AT_ONCE) return yield changes
  const removed = changes.filter(({ before, after }) => before && !after)
  const replaced = changes.filter(({ before, after }) => before && after)
  const added = changes.filter(({ before }) => !before)
  for (let at = 0; at < removed.length; at += FLUSH_AT_ONCE) yield removed.slice(at, at + FLUSH_AT_ONCE)
  yield replaced
  for (let at = 0; at < added.length; at += FLUSH_AT_ONCE) yield added.slice(at, at + FLUSH_AT_ONCE)
}

const count = (totals: IndexTotals, entry: Entry, sign: 1 | -1): void => {
  if (entry.kind === 'dir') return
  totals.files += sign
  totals.bytes += sign * (entry.kind === 'file' ? entry.stat.size : 0)
}

const isSameFile = (a: Entry, b: Entry): boolean => a.slot === b.slot && equalBytes(a.inode, b.inode)

const EMPTY = new Uint8Array(0)
const NO_PLACES: readonly Entry[] = []
/** For fewer numbers than this, one look each is as good. */
const INO_WINDOW_MIN = 16

export const joinPath = (dir: string, name: string): string => (dir === '' ? name : `${dir}/${name}`)
