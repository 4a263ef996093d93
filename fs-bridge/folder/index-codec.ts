/**
 * Bytes of the folder index. Private to this device, so only the version byte is promised: an entry that does not
 * decode counts as absent, and the next scan finds it again by content. Integers are little-endian.
 *
 *   entry key   folder (8) ‖ parent inode (16) ‖ name on disk (UTF-8)
 *   entry value version u8 = 1, kind u8, flags u8, slot u8, mode u32, epoch u32, inode (16), size u64,
 *               mtime i64, ctime i64, birth i64 (ns), ino u64, zero u32, [content head 32], [link head 32], [visible name]
 *   place key   folder (8) ‖ inode (16) ‖ parent inode (16) ‖ name on disk, value empty
 *   ino key     folder (8) ‖ ino u64 ‖ parent inode (16) ‖ name on disk, value empty
 */
import type { Hash } from '#kernel/core/bytes.ts'
import { allocate, concatBytes, decodeUtf8, encodeUtf8 } from '#kernel/core/bytes.ts'
import type { Inode, Kind } from '../filestore/port.ts'

export const FOLDER_TABLES = ['folder-entry', 'folder-place', 'folder-ino', 'folder-meta'] as const

/** What identifies a file of the disk, and tells whether it changed. */
export interface DiskStat {
  readonly size: number
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
  /** 0 where the filesystem does not keep it. */
  readonly birthNs: bigint
  readonly ino: bigint
  readonly mode: number
}

/** One name on disk: what it was made from (its heads), and what the disk looked like then. */
export interface Entry {
  readonly parent: Inode
  /** As the disk spells it. */
  readonly name: string
  /** As everyone sees it: NFC, unescaped. */
  readonly visibleName: string
  readonly inode: Inode
  /** Tells apart several names of one inode (a file and its conflict files). */
  readonly slot: number
  readonly kind: Kind
  readonly conflict: boolean
  readonly stat: DiskStat
  /** The writes that this device's user has seen here. */
  readonly contentHead: Hash | undefined
  readonly linkHead: Hash | undefined
  /** Counts up with every sync of the disk: a later one than the last synced may not survive a power loss. */
  readonly epoch: number
}

const VERSION = 1
const FIXED = 72
const KINDS: readonly Kind[] = ['file', 'dir', 'symlink']
const HAS_CONTENT = 1
const HAS_LINK = 2
const HAS_VISIBLE_NAME = 4
const IS_CONFLICT = 8

export const encodeEntry = (entry: Entry): Uint8Array => {
  const visible = entry.visibleName === entry.name ? undefined : encodeUtf8(entry.visibleName)
  const length =
    FIXED + (entry.contentHead ? 32 : 0) + (entry.linkHead ? 32 : 0) + (visible === undefined ? 0 : visible.length)
  const out = allocate(length)
  const view = new DataView(out.buffer, out.byteOffset, out.length)
  out[0] = VERSION
  out[1] = KINDS.indexOf(entry.kind)
  out[2] =
    (entry.contentHead ? HAS_CONTENT : 0) |
    (entry.linkHead ? HAS_LINK : 0) |
    (visible ? HAS_VISIBLE_NAME : 0) |
    (entry.conflict ? IS_CONFLICT : 0)
  out[3] = entry.slot
  view.setUint32(4, entry.stat.mode, true)
  view.setUint32(8, entry.epoch, true)
  out.set(entry.inode, 12)
  view.setBigUint64(28, BigInt(entry.stat.size), true)
  view.setBigInt64(36, entry.stat.mtimeNs, true)
  view.setBigInt64(44, entry.stat.ctimeNs, true)
  view.setBigInt64(52, entry.stat.birthNs, true)
  view.setBigUint64(60, entry.stat.ino, true)
  let at = FIXED
  for (const head of [entry.contentHead, entry.linkHead]) {
    if (!head) continue
    out.set(head, at)
    at += 32
  }
  if (visible) out.set(visible, at)
  return out
}

/** Strict: undefined for anything `encodeEntry` would not have written. */
export const decodeEntry = (parent: Inode, name: string, bytes: Uint8Array): Entry | undefined => {
  if (bytes.length < FIXED || bytes[0] !== VERSION) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const kind = KINDS[bytes[1]!]
  const flags = bytes[2]!
  const heads = (flags & HAS_CONTENT ? 32 : 0) + (flags & HAS_LINK ? 32 : 0)
  const rest = bytes.length - FIXED - heads
  const size = view.getBigUint64(28, true)
  const wantsName = (flags & HAS_VISIBLE_NAME) !== 0
  if (!kind || flags > 15 || rest < 0 || rest > 1024 || wantsName !== rest > 0) return undefined
  if (size > BigInt(Number.MAX_SAFE_INTEGER) || view.getUint32(68, true) !== 0) return undefined
  let at = FIXED
  const head = (present: number): Hash | undefined => {
    if (!present) return undefined
    at += 32
    return bytes.slice(at - 32, at) as Hash
  }
  const contentHead = head(flags & HAS_CONTENT)
  const linkHead = head(flags & HAS_LINK)
  const visibleName = wantsName ? decodeUtf8(bytes.subarray(at)) : name
  if (visibleName === undefined || (wantsName && visibleName === name)) return undefined
  return {
    parent,
    name,
    visibleName,
    inode: bytes.slice(12, 28) as Inode,
    slot: bytes[3]!,
    kind,
    conflict: (flags & IS_CONFLICT) !== 0,
    stat: {
      size: Number(size),
      mtimeNs: view.getBigInt64(36, true),
      ctimeNs: view.getBigInt64(44, true),
      birthNs: view.getBigInt64(52, true),
      ino: view.getBigUint64(60, true),
      mode: view.getUint32(4, true),
    },
    contentHead,
    linkHead,
    epoch: view.getUint32(8, true),
  }
}

export const entryKey = (folder: Uint8Array, parent: Inode, name: string): Uint8Array =>
  concatBytes(folder, parent, encodeUtf8(name))

export const placeKey = (folder: Uint8Array, inode: Inode, parent: Inode, name: string): Uint8Array =>
  concatBytes(folder, inode, parent, encodeUtf8(name))

const INO = new DataView(new ArrayBuffer(8))
const INO_BYTES = new Uint8Array(INO.buffer)

/** Big-endian: keys of numbers that lie close together do so too, and in their order. Good until the next call. */
const inoBytes = (ino: bigint): Uint8Array => {
  INO.setBigUint64(0, ino)
  return INO_BYTES
}

export const inoPrefix = (folder: Uint8Array, ino: bigint): Uint8Array => concatBytes(folder, inoBytes(ino))

export const inoKey = (folder: Uint8Array, ino: bigint, parent: Inode, name: string): Uint8Array =>
  concatBytes(folder, inoBytes(ino), parent, encodeUtf8(name))

/** The (parent, name) at the end of a place or ino key. */
export const parsePlace = (key: Uint8Array, prefix: number): { parent: Inode; name: string } | undefined => {
  const name = key.length > prefix + 16 ? decodeUtf8(key.subarray(prefix + 16)) : undefined
  return name === undefined ? undefined : { parent: key.slice(prefix, prefix + 16) as Inode, name }
}

/** The least key greater than every key that starts with `prefix`; undefined if there is none. */
export const afterPrefix = (prefix: Uint8Array): Uint8Array | undefined => {
  for (let n = prefix.length; n > 0; n--) {
    if (prefix[n - 1] === 0xff) continue
    const out = prefix.slice(0, n)
    out[n - 1]!++
    return out
  }
  return undefined
}
