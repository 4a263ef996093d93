/**
 * Keys and values of a filestore's cells, byte for byte as docs/spec/filestore.md fixes them.
 *
 * Encoding is canonical: one value, one byte string. Decoders are strict and give `undefined` for anything else.
 */
import {
  allocate,
  bytesToHex,
  decodeUtf8,
  encodeUtf8,
  equalBytes,
  type Cid,
  type Hash,
  type HexKey,
} from '#kernel/core/bytes.ts'
import type { ChunkRef } from '#kernel/cas/port.ts'
import type { ContentValue, Inode, Kind } from './port.ts'

export const INODE_LENGTH = 16
/** The top directory: 16 zero bytes. */
export const ROOT = new Uint8Array(INODE_LENGTH) as Inode
/** Where deleted things hang: 16 bytes of 0xff. */
export const TRASH = new Uint8Array(INODE_LENGTH).fill(0xff) as Inode

export const isRoot = (inode: Uint8Array): boolean => inode[0] === 0 && equalBytes(inode, ROOT)
export const isTrash = (inode: Uint8Array): boolean => inode[0] === 0xff && equalBytes(inode, TRASH)

/** An inode as a key of maps: hex. What is worked on is asked for again and again: the last two are kept. */
export const inodeKey = (() => {
  let [first, second] = [ROOT, TRASH]
  let [firstKey, secondKey] = [bytesToHex(ROOT), bytesToHex(TRASH)]
  return (inode: Inode): HexKey => {
    if (inode === first) return firstKey
    const key = inode === second ? secondKey : bytesToHex(inode)
    second = first
    secondKey = firstKey
    first = inode
    firstKey = key
    return key
  }
})()

export interface Place {
  readonly parent: Inode
  readonly name: string
}

/**
 * The directory named at a position, copied. Much of what is read in a row names the same one, or trash: these share
 * one copy.
 */
const directoryAt = (() => {
  let last = ROOT
  return (bytes: Uint8Array, at: number): Inode => {
    if (isAt(bytes, at, TRASH)) return TRASH
    if (!isAt(bytes, at, last)) last = bytes.slice(at, at + INODE_LENGTH) as Inode
    return last
  }
})()

const isAt = (bytes: Uint8Array, at: number, inode: Inode): boolean => {
  for (let i = 0; i < INODE_LENGTH; i++) if (bytes[at + i] !== inode[i]) return false
  return true
}

export interface LinkValue extends Place {
  readonly kind: Kind
  readonly replaced: Place | undefined
}

/** What a `c/` cell holds. `trashed`: written by a deletion; it is what the file held when it was deleted. */
export interface StoredContent {
  readonly trashed: boolean
  readonly content: ContentValue
}

const SLASH = 0x2f
const LINK = 0x6e
const CONTENT = 0x63
const XATTR = 0x78
const VACATED = 0x73
const GONE = 0x67

/** `prefix`, '/', then the parts end to end. */
export const key = (prefix: number, ...parts: readonly Uint8Array[]): Uint8Array => {
  let length = 2
  for (let i = 0; i < parts.length; i++) length += parts[i]!.length
  const out = allocate(length)
  out[0] = prefix
  out[1] = SLASH
  let at = 2
  for (let i = 0; i < parts.length; i++) {
    out.set(parts[i]!, at)
    at += parts[i]!.length
  }
  return out
}

const keyOfInode = (prefix: number, inode: Inode): Uint8Array => {
  const out = allocate(2 + INODE_LENGTH)
  out[0] = prefix
  out[1] = SLASH
  out.set(inode, 2)
  return out
}

/** Keys are asked for again and again while one inode is worked on: the last one made is kept. */
const inodeKeys = (prefix: number) => {
  let last = keyOfInode(prefix, ROOT)
  return (inode: Inode): Uint8Array => (isAt(last, 2, inode) ? last : (last = keyOfInode(prefix, inode)))
}

export const linkKey = inodeKeys(LINK)
export const contentKey = inodeKeys(CONTENT)
export const xattrKey = (inode: Inode, name: string): Uint8Array =>
  key(XATTR, inode, Uint8Array.of(SLASH), encodeUtf8(name))
/** No cell: a change that says "`inode` no longer hangs at this place". */
export const vacatedKey = (inode: Inode, from: Place): Uint8Array =>
  key(VACATED, inode, from.parent, encodeUtf8(from.name))
/** No cell: a change that says "`inode` lives no more", where nothing else looks different for that. */
export const goneKey = (inode: Inode): Uint8Array => keyOfInode(GONE, inode)
export const LINK_RANGE = { gte: Uint8Array.of(LINK, SLASH), lt: Uint8Array.of(LINK, SLASH + 1) }
export const CONTENT_RANGE = { gte: Uint8Array.of(CONTENT, SLASH), lt: Uint8Array.of(CONTENT, SLASH + 1) }
/** The keys of an inode's extended attributes. */
export const xattrRange = (inode: Inode) => ({
  gte: key(XATTR, inode, Uint8Array.of(SLASH)),
  lt: key(XATTR, inode, Uint8Array.of(SLASH + 1)),
})

export type ParsedKey =
  | { readonly table: 'link' | 'content' | 'gone'; readonly inode: Inode }
  | { readonly table: 'xattr'; readonly inode: Inode; readonly name: string }
  | { readonly table: 'vacated'; readonly inode: Inode; readonly from: Place }

/** What a key of a `Change` is about; undefined for a key that is none of ours. */
export const parseKey = (bytes: Uint8Array): ParsedKey | undefined => {
  const end = 2 + INODE_LENGTH
  if (bytes.length < end || bytes[1] !== SLASH) return undefined
  const inode = bytes.slice(2, end) as Inode
  // A view of so few bytes costs more than all the rest of this: most keys are done with before one is made.
  switch (bytes[0]) {
    case LINK:
      return bytes.length === end ? { table: 'link', inode } : undefined
    case CONTENT:
      return bytes.length === end ? { table: 'content', inode } : undefined
    case GONE:
      return bytes.length === end ? { table: 'gone', inode } : undefined
    case XATTR: {
      const name = bytes.length > end + 1 && bytes[end] === SLASH ? decodeUtf8(bytes.subarray(end + 1)) : undefined
      return name === undefined ? undefined : { table: 'xattr', inode, name }
    }
    case VACATED: {
      const name = bytes.length > end + INODE_LENGTH ? decodeUtf8(bytes.subarray(end + INODE_LENGTH)) : undefined
      if (name === undefined) return undefined
      return { table: 'vacated', inode, from: { parent: directoryAt(bytes, end), name } }
    }
    default:
      return undefined
  }
}

const KINDS: readonly (Kind | undefined)[] = [undefined, 'file', 'dir', 'symlink']
export const kindToByte = (kind: Kind): number => KINDS.indexOf(kind)
export const byteToKind = (byte: number): Kind | undefined => KINDS[byte]

const HAS_REPLACED = 4

/** kind | 4 if replaced; parent; u8 length and name; then, if replaced, its parent, u8 length and name. */
export const encodeLink = (link: LinkValue): Uint8Array => {
  const name = encodeUtf8(link.name)
  const old = link.replaced && encodeUtf8(link.replaced.name)
  const out = allocate(18 + name.length + (old ? 17 + old.length : 0))
  out[0] = kindToByte(link.kind) | (old ? HAS_REPLACED : 0)
  out.set(link.parent, 1)
  out[17] = name.length
  out.set(name, 18)
  if (old) {
    const at = 18 + name.length
    out.set(link.replaced!.parent, at)
    out[at + 16] = old.length
    out.set(old, at + 17)
  }
  return out
}

export const decodeLink = (bytes: Uint8Array): LinkValue | undefined => {
  const kind = byteToKind(bytes[0]! & 3)
  if (bytes.length < 19 || bytes[0]! > 7 || kind === undefined) return undefined
  const end = 18 + bytes[17]!
  const name = end > 18 && end <= bytes.length ? decodeUtf8(bytes.subarray(18, end)) : undefined
  if (name === undefined) return undefined
  const parent = directoryAt(bytes, 1)
  if ((bytes[0]! & HAS_REPLACED) === 0)
    return end === bytes.length ? { parent, name, kind, replaced: undefined } : undefined
  if (bytes.length < end + 18 || bytes.length !== end + 17 + bytes[end + 16]!) return undefined
  const oldName = decodeUtf8(bytes.subarray(end + 17))
  if (oldName === undefined) return undefined
  return { parent, name, kind, replaced: { parent: directoryAt(bytes, end), name: oldName } }
}

const DATA = ['inline', 'chunks', 'manifest'] as const
const TRASHED = 4
const CONTENT_HEADER = 19
const CHUNK_REF = 36
/** A view of its own for every content would cost more than the writing. */
const HEADER = new DataView(new ArrayBuffer(CONTENT_HEADER))
const HEADER_BYTES = new Uint8Array(HEADER.buffer)

/** data kind | 4 if trashed; size u64; mtime i64; mode u16 (all little-endian); then the data. */
export const encodeContent = ({ trashed, content }: StoredContent): Uint8Array => {
  const { data } = content
  const tail =
    data.kind === 'inline' ? data.bytes.length : data.kind === 'manifest' ? 32 : data.chunks.length * CHUNK_REF
  const out = allocate(CONTENT_HEADER + tail)
  HEADER.setUint8(0, DATA.indexOf(data.kind) | (trashed ? TRASHED : 0))
  HEADER.setBigUint64(1, BigInt(content.size), true)
  HEADER.setBigInt64(9, content.mtimeNs, true)
  HEADER.setUint16(17, content.mode, true)
  out.set(HEADER_BYTES)
  if (data.kind === 'inline') out.set(data.bytes, CONTENT_HEADER)
  else if (data.kind === 'manifest') out.set(data.cid, CONTENT_HEADER)
  else
    data.chunks.forEach(({ cid, length }, i) => {
      const at = CONTENT_HEADER + i * CHUNK_REF
      out.set(cid, at)
      for (let k = 0; k < 4; k++) out[at + 32 + k] = length >>> (8 * k)
    })
  return out
}

const decodeData = (kind: number, bytes: Uint8Array, view: DataView): ContentValue['data'] | undefined => {
  switch (DATA[kind]) {
    case 'inline':
      return { kind: 'inline', bytes: bytes.slice(CONTENT_HEADER) }
    case 'manifest':
      return bytes.length === CONTENT_HEADER + 32
        ? { kind: 'manifest', cid: bytes.slice(CONTENT_HEADER) as Hash }
        : undefined
    case 'chunks': {
      if (bytes.length === CONTENT_HEADER || (bytes.length - CONTENT_HEADER) % CHUNK_REF !== 0) return undefined
      const chunks: ChunkRef[] = []
      for (let at = CONTENT_HEADER; at < bytes.length; at += CHUNK_REF)
        chunks.push({ cid: bytes.slice(at, at + 32) as Cid, length: view.getUint32(at + 32, true) })
      return { kind: 'chunks', chunks }
    }
    default:
      return undefined
  }
}

/** Whether an encoded content is one that a deletion put away. */
export const isPutAway = (bytes: Uint8Array): boolean => (bytes[0]! & TRASHED) !== 0

export const decodeContent = (bytes: Uint8Array): StoredContent | undefined => {
  if (bytes.length < CONTENT_HEADER || bytes[0]! > 7) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const size = view.getBigUint64(1, true)
  const data = decodeData(bytes[0]! & 3, bytes, view)
  if (data === undefined || size > BigInt(Number.MAX_SAFE_INTEGER)) return undefined
  const mode = view.getUint16(17, true)
  if (mode > 0o7777) return undefined
  return {
    trashed: (bytes[0]! & TRASHED) !== 0,
    content: { size: Number(size), mtimeNs: view.getBigInt64(9, true), mode, data },
  }
}
