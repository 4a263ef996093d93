/**
 * File operations as bytes: the strict decoder every peer applies alike, builders, and packing into batches.
 *
 * Only the canonical encoding is accepted (fields in order, no defaults, nothing unknown), so that every
 * implementation reads the same out of the same bytes.
 */
import { FileKind, type Content, type FileOp, type FileOps, type Link, type Xattr } from '#proto/file'
import { encodeUtf8, equalBytes, HASH_LENGTH, type Cid, type Hash } from '#kernel/core/bytes.ts'
import { CHUNK_MAX, INLINE_MAX, OP_CHUNKS_MAX } from '#kernel/cas/port.ts'
import { MalformedError } from '#kernel/core/wire.ts'
import { BadOpError } from '#kernel/state/port.ts'
import { isValidName } from './names.ts'
import { OpsWriter, readOps } from './ops-codec.ts'
import type { ContentValue, Inode, Kind } from './port.ts'
import { INODE_LENGTH, isRoot, isTrash, TRASH, type LinkValue, type Place } from './values.ts'

/** Ops of one intention, with room for what wraps them. */
export const BATCH_BYTES_MAX = 128 * 1024 - 1024
export const SYMLINK_TARGET_MAX = 4095
export const XATTR_NAME_MAX = 255
export const XATTR_VALUE_MAX = 64 * 1024
const KEEP_MAX = 256
/** Of a small file's, with its names. */
const OP_BYTES_USUAL = 256
const MTIME_MIN = -(1n << 63n)
const MTIME_MAX = (1n << 63n) - 1n

const bad = (why: string): never => {
  throw new BadOpError(why)
}

const check = (condition: boolean, why: string): void => {
  if (!condition) bad(why)
}

const checkPlace = (place: { parent: Uint8Array; name: string }, inode: Uint8Array): void => {
  check(place.parent.length === INODE_LENGTH, 'a parent is not 16 bytes')
  check(!equalBytes(place.parent, inode), 'an inode cannot hang in itself')
  check(isValidName(place.name), 'a name is not a file name')
}

const checkLink = (link: Link, inode: Uint8Array): void => {
  checkPlace(link, inode)
  check(link.kind >= FileKind.FILE && link.kind <= FileKind.SYMLINK, 'a link of unknown kind')
  if (link.replaced) {
    checkPlace(link.replaced, inode)
    check(!isTrash(link.replaced.parent), 'a link cannot have replaced one to trash')
  } else check(!isTrash(link.parent), 'a deletion does not say where from')
}

const checkData = ({ size, data }: Content, kind: FileKind | undefined): void => {
  switch (data.case) {
    case 'inline': {
      const max = kind === FileKind.FILE ? INLINE_MAX : kind === FileKind.DIR ? 0 : SYMLINK_TARGET_MAX
      check(data.value.length <= max, 'inline content is too long')
      check(size === BigInt(data.value.length), 'the size is not that of the inline content')
      const target = kind === FileKind.SYMLINK
      check(!target || (data.value.length > 0 && !data.value.includes(0)), 'a symlink target is empty or has a NUL')
      return
    }
    case 'chunks': {
      const { chunks } = data.value
      check(chunks.length > 0 && chunks.length <= OP_CHUNKS_MAX, 'a chunk list is empty or too long')
      let sum = 0
      for (const { cid, length } of chunks) {
        check(cid.length === HASH_LENGTH, 'a chunk name is not 32 bytes')
        check(length > 0 && length <= CHUNK_MAX, 'a chunk is empty or too long')
        sum += length
      }
      check(size === BigInt(sum), 'the chunks do not add up to the size')
      return
    }
    case 'manifest':
      check(data.value.length === HASH_LENGTH && size > 0n, 'a manifest is not named by 32 bytes or is of nothing')
      return
    default:
      bad('content without data')
  }
}

const checkContent = (content: Content, kind: FileKind | undefined): void => {
  check(content.size <= BigInt(Number.MAX_SAFE_INTEGER), 'a size beyond 2^53')
  check(content.mode <= 0o7777, 'mode bits beyond 07777')
  check(
    kind === undefined || kind === FileKind.FILE || content.data.case === 'inline',
    'only a file has content in chunks',
  )
  checkData(content, kind)
}

const checkKeep = (keep: readonly Uint8Array[], written: boolean): void => {
  check(keep.length === 0 || written, 'heads kept of what is not written')
  check(keep.length <= KEEP_MAX && keep.every((hash) => hash.length === HASH_LENGTH), 'kept heads are not hashes')
}

const checkXattr = (xattr: Xattr): void => {
  const { name, write } = xattr
  check(name.length > 0 && !name.includes('\0') && encodeUtf8(name).length <= XATTR_NAME_MAX, 'a bad attribute name')
  if (write.case === 'value') check(write.value.length <= XATTR_VALUE_MAX, 'an attribute is too long')
  else check(write.case === 'delete' && write.value, 'an attribute neither written nor deleted')
  checkKeep(xattr.keep, true)
}

/** Throws BadOpError unless the op makes sense by itself, whatever the state. */
export const checkOp = (op: FileOp): void => {
  const { inode, link, content } = op
  check(inode.length === INODE_LENGTH && !isRoot(inode) && !isTrash(inode), 'not an inode')
  check(link !== undefined || content !== undefined || op.xattrs.length > 0, 'an op that does nothing')
  if (link) checkLink(link, inode)
  if (content) checkContent(content, link?.kind)
  op.xattrs.forEach(checkXattr)
  checkKeep(op.keepLink, link !== undefined)
  checkKeep(op.keepContent, content !== undefined || (link !== undefined && isTrash(link.parent)))
}

/** Throws BadOpError for what is not a canonical batch of ops that make sense. */
export const decodeOps = (bytes: Uint8Array): FileOps => {
  let ops: FileOps
  try {
    ops = readOps(bytes)
  } catch (cause) {
    if (cause instanceof MalformedError) throw new BadOpError('not a canonical FileOps message', { cause })
    throw cause
  }
  check(ops.ops.length > 0, 'a batch without ops')
  ops.ops.forEach(checkOp)
  return ops
}

/** The bytes of one batch. Throws BadOpError for an op no peer would accept. */
export const encodeOps = (ops: readonly FileOp[]): Uint8Array => {
  const writer = new OpsWriter()
  for (const op of ops) {
    checkOp(op)
    writer.op(op)
  }
  return writer.take()
}

/**
 * Splits a list into serialised batches of at most `bytesMax`, in order, each one `Draft.app`.
 * Throws BadOpError for an op no peer would accept or that is too long by itself (only extended attributes can be).
 */
export const packOps = (ops: readonly FileOp[], bytesMax = BATCH_BYTES_MAX): Uint8Array[] => {
  const batches: Uint8Array[] = []
  const writer = new OpsWriter(Math.min(bytesMax, OP_BYTES_USUAL * ops.length))
  for (const op of ops) {
    checkOp(op)
    const before = writer.length
    writer.op(op)
    check(writer.length - before <= bytesMax, 'one op is longer than a batch may be')
    if (writer.length > bytesMax) batches.push(writer.take(before))
  }
  if (writer.length > 0) batches.push(writer.take())
  return batches
}

const KIND_TO_PROTO: Readonly<Record<Kind, FileKind>> = {
  file: FileKind.FILE,
  dir: FileKind.DIR,
  symlink: FileKind.SYMLINK,
}
const PROTO_TO_KIND: readonly (Kind | undefined)[] = [undefined, 'file', 'dir', 'symlink']

/** Of a checked op. */
export const linkOf = (link: Link): LinkValue => ({
  parent: link.parent as Inode,
  name: link.name,
  kind: PROTO_TO_KIND[link.kind]!,
  replaced: link.replaced && { parent: link.replaced.parent as Inode, name: link.replaced.name },
})

/** Of a checked op. */
export const contentOf = ({ size, mtimeNs, mode, data }: Content): ContentValue => ({
  size: Number(size),
  mtimeNs,
  mode,
  data:
    data.case === 'chunks'
      ? { kind: 'chunks', chunks: data.value.chunks.map(({ cid, length }) => ({ cid: cid as Cid, length })) }
      : data.case === 'manifest'
        ? { kind: 'manifest', cid: data.value as Hash }
        : { kind: 'inline', bytes: data.value ?? new Uint8Array() },
})

const dataToProto = (data: ContentValue['data']): Content['data'] => {
  switch (data.kind) {
    case 'inline':
      return { case: 'inline', value: data.bytes }
    case 'manifest':
      return { case: 'manifest', value: data.cid }
    case 'chunks':
      return {
        case: 'chunks',
        value: {
          $typeName: 'lattice.v1.ChunkList',
          chunks: data.chunks.map(({ cid, length }) => ({ $typeName: 'lattice.v1.Chunk', cid, length })),
        },
      }
  }
}

/** A time that does not fit 64 bits is taken for the nearest that does. */
const clampMtime = (ns: bigint): bigint => (ns < MTIME_MIN ? MTIME_MIN : ns > MTIME_MAX ? MTIME_MAX : ns)

const contentToProto = ({ size, mtimeNs, mode, data }: ContentValue): Content => ({
  $typeName: 'lattice.v1.Content',
  size: BigInt(size),
  mtimeNs: clampMtime(mtimeNs),
  mode: mode & 0o7777,
  data: dataToProto(data),
})

const linkToProto = ({ parent, name, kind, replaced }: LinkValue): Link => ({
  $typeName: 'lattice.v1.Link',
  parent,
  name,
  kind: KIND_TO_PROTO[kind],
  replaced: replaced && { $typeName: 'lattice.v1.Place', parent: replaced.parent, name: replaced.name },
})

export interface OpParts {
  readonly link?: LinkValue
  readonly content?: ContentValue
  readonly keepLink?: readonly Hash[]
  readonly keepContent?: readonly Hash[]
}

/** The general builder; the ones below say what for. */
export const fileOp = (inode: Inode, { link, content, keepLink = [], keepContent = [] }: OpParts): FileOp => ({
  $typeName: 'lattice.v1.FileOp',
  inode,
  link: link && linkToProto(link),
  content: content && contentToProto(content),
  xattrs: [],
  keepLink: [...keepLink],
  keepContent: [...keepContent],
})

/** A new file, directory or symlink. `inode`: 16 fresh random bytes. A directory needs no content. */
export const createOp = (inode: Inode, kind: Kind, at: Place, content?: ContentValue): FileOp =>
  fileOp(inode, { link: { parent: at.parent, name: at.name, kind, replaced: undefined }, content })

/** Content given anew; `keep`: heads of the content that the author of the edit had not seen. */
export const editOp = (inode: Inode, content: ContentValue, keep: readonly Hash[] = []): FileOp =>
  fileOp(inode, { content, keepContent: keep })

/** A move or rename. `keep`: link heads the mover had not seen. */
export const moveOp = (inode: Inode, kind: Kind, from: Place, to: Place, keep: readonly Hash[] = []): FileOp =>
  fileOp(inode, { link: { parent: to.parent, name: to.name, kind, replaced: from }, keepLink: keep })

/** Out of trash, or anywhere, without saying where from. */
export const placeOp = (inode: Inode, kind: Kind, to: Place, content?: ContentValue): FileOp =>
  createOp(inode, kind, to, content)

/** A deletion. `content`: what is deleted, so that a move nobody knew of still finds it, and so that trash shows it. */
export const trashOp = (
  inode: Inode,
  kind: Kind,
  from: Place,
  content: ContentValue | undefined,
  keep: { readonly link?: readonly Hash[]; readonly content?: readonly Hash[] } = {},
): FileOp =>
  fileOp(inode, {
    link: { parent: TRASH, name: from.name, kind, replaced: from },
    content,
    keepLink: keep.link,
    keepContent: keep.content,
  })

/** Writes (`value`) or deletes an extended attribute of an inode. */
export const xattrOp = (
  inode: Inode,
  name: string,
  value: Uint8Array | undefined,
  keep: readonly Hash[] = [],
): FileOp => ({
  ...fileOp(inode, {}),
  xattrs: [
    {
      $typeName: 'lattice.v1.Xattr',
      name,
      write: value ? { case: 'value', value } : { case: 'delete', value: true },
      keep: [...keep],
    },
  ],
})
