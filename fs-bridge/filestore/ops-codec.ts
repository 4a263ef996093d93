/**
 * The bytes of `FileOps` (proto/lattice/v1/file.proto), written and read by hand: only the canonical encoding exists
 * here, so nothing has to be encoded again to be compared, and a batch of thousands of files takes a quarter of the time
 * that the general code takes. Whether an op makes sense is not asked here (see `checkOp`).
 *
 * Canonical: fields in ascending number, none that holds its default, no unknown one, minimal varints.
 */
import type { Content, FileOp, FileOps, Link, Place, Xattr } from '#proto/file'
import { decodeUtf8, encodeUtf8 } from '#kernel/core/bytes.ts'
import { ByteReader, MalformedError } from '#kernel/core/wire.ts'

/** Field number and wire type, as they stand before each value. */
const OPS = { op: 0x0a } as const
const OP = { inode: 0x0a, link: 0x12, content: 0x1a, xattr: 0x22, keepLink: 0x2a, keepContent: 0x32 } as const
const LINK = { parent: 0x0a, name: 0x12, kind: 0x18, replaced: 0x22 } as const
const PLACE = { parent: 0x0a, name: 0x12 } as const
const CONTENT = { size: 0x08, mtimeNs: 0x11, mode: 0x18, inline: 0x22, chunks: 0x2a, manifest: 0x32 } as const
const CHUNKS = { chunk: 0x0a } as const
const CHUNK = { cid: 0x0a, length: 0x10 } as const
const XATTR = { name: 0x0a, value: 0x12, delete: 0x18, keep: 0x22 } as const

/** One for all: a view of its own for each number would cost more than the number. */
const LONG = new DataView(new ArrayBuffer(8))
const LONG_BYTES = new Uint8Array(LONG.buffer)

const varintLength = (n: number): number => {
  let length = 1
  for (; n >= 0x80; n = Math.floor(n / 0x80)) length++
  return length
}

/** Writes ops one after the other into bytes that grow. */
export class OpsWriter {
  #bytes: Uint8Array
  #at = 0

  /** `capacity`: bytes that are expected. */
  constructor(capacity = 4096) {
    this.#bytes = new Uint8Array(capacity)
  }

  /** Bytes written. */
  get length(): number {
    return this.#at
  }

  /** Adds an op of the batch. */
  op(op: FileOp): void {
    const start = this.#begin(OPS.op)
    this.#blob(OP.inode, op.inode)
    if (op.link) this.#link(op.link)
    if (op.content) this.#content(op.content)
    for (const xattr of op.xattrs) this.#xattr(xattr)
    for (const hash of op.keepLink) this.#always(OP.keepLink, hash)
    for (const hash of op.keepContent) this.#always(OP.keepContent, hash)
    this.#end(start)
  }

  /** Gives the first `length` bytes, and goes on with those after them. */
  take(length = this.#at): Uint8Array {
    const taken = this.#bytes.slice(0, length)
    this.#bytes.copyWithin(0, length, this.#at)
    this.#at -= length
    return taken
  }

  #link({ parent, name, kind, replaced }: Link): void {
    const start = this.#begin(OP.link)
    this.#blob(LINK.parent, parent)
    this.#text(LINK.name, name)
    this.#number(LINK.kind, kind)
    if (replaced) this.#place(replaced)
    this.#end(start)
  }

  #place({ parent, name }: Place): void {
    const start = this.#begin(LINK.replaced)
    this.#blob(PLACE.parent, parent)
    this.#text(PLACE.name, name)
    this.#end(start)
  }

  #content({ size, mtimeNs, mode, data }: Content): void {
    const start = this.#begin(OP.content)
    this.#number(CONTENT.size, Number(size))
    if (mtimeNs !== 0n) this.#fixed64(CONTENT.mtimeNs, mtimeNs)
    this.#number(CONTENT.mode, mode)
    if (data.case === 'inline') this.#always(CONTENT.inline, data.value)
    else if (data.case === 'manifest') this.#always(CONTENT.manifest, data.value)
    else if (data.case === 'chunks') {
      const list = this.#begin(CONTENT.chunks)
      for (const { cid, length } of data.value.chunks) {
        const chunk = this.#begin(CHUNKS.chunk)
        this.#blob(CHUNK.cid, cid)
        this.#number(CHUNK.length, length)
        this.#end(chunk)
      }
      this.#end(list)
    }
    this.#end(start)
  }

  #xattr({ name, write, keep }: Xattr): void {
    const start = this.#begin(OP.xattr)
    this.#text(XATTR.name, name)
    if (write.case === 'value') this.#always(XATTR.value, write.value)
    else if (write.case === 'delete') {
      this.#reserve(2)
      this.#bytes[this.#at++] = XATTR.delete
      this.#bytes[this.#at++] = write.value ? 1 : 0
    }
    for (const hash of keep) this.#always(XATTR.keep, hash)
    this.#end(start)
  }

  /** Begins a message within; its length is known at its `#end`, and is one byte more often than not. */
  #begin(tag: number): number {
    this.#reserve(2)
    this.#bytes[this.#at++] = tag
    return ++this.#at
  }

  #end(start: number): void {
    const length = this.#at - start
    const more = varintLength(length) - 1
    if (more > 0) {
      this.#reserve(more)
      this.#bytes.copyWithin(start + more, start, this.#at)
    }
    this.#at = start - 1
    this.#varint(length)
    this.#at += length
  }

  #text(tag: number, text: string): void {
    this.#blob(tag, encodeUtf8(text))
  }

  /** A field that may be left out when empty. */
  #blob(tag: number, bytes: Uint8Array): void {
    if (bytes.length > 0) this.#always(tag, bytes)
  }

  #always(tag: number, bytes: Uint8Array): void {
    this.#reserve(11 + bytes.length)
    this.#bytes[this.#at++] = tag
    this.#varint(bytes.length)
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }

  #number(tag: number, value: number): void {
    if (value === 0) return
    this.#reserve(11)
    this.#bytes[this.#at++] = tag
    this.#varint(value)
  }

  #fixed64(tag: number, value: bigint): void {
    this.#reserve(9)
    this.#bytes[this.#at++] = tag
    LONG.setBigInt64(0, value, true)
    this.#bytes.set(LONG_BYTES, this.#at)
    this.#at += 8
  }

  #varint(value: number): void {
    for (; value >= 0x80; value = Math.floor(value / 0x80)) this.#bytes[this.#at++] = (value % 0x80) | 0x80
    this.#bytes[this.#at++] = value
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return
    const larger = new Uint8Array(2 * this.#bytes.length + bytes)
    larger.set(this.#bytes)
    this.#bytes = larger
  }
}

/** Throws `MalformedError` for anything but a canonical encoding. The byte strings are views of `bytes`. */
export const readOps = (bytes: Uint8Array): FileOps => {
  const reader = new ByteReader(bytes)
  const ops: FileOp[] = []
  while (reader.take(OPS.op)) ops.push(readOp(new ByteReader(reader.bytes())))
  reader.end()
  return { $typeName: 'lattice.v1.FileOps', ops }
}

const readOp = (reader: ByteReader): FileOp => {
  const inode = readBlob(reader, OP.inode)
  const link = reader.take(OP.link) ? readLink(new ByteReader(reader.bytes())) : undefined
  const content = reader.take(OP.content) ? readContent(new ByteReader(reader.bytes())) : undefined
  const xattrs: Xattr[] = []
  while (reader.take(OP.xattr)) xattrs.push(readXattr(new ByteReader(reader.bytes())))
  const keepLink = readAll(reader, OP.keepLink)
  const keepContent = readAll(reader, OP.keepContent)
  reader.end()
  return { $typeName: 'lattice.v1.FileOp', inode, link, content, xattrs, keepLink, keepContent }
}

const readLink = (reader: ByteReader): Link => {
  const parent = readBlob(reader, LINK.parent)
  const name = readText(reader, LINK.name)
  const kind = readNumber(reader, LINK.kind)
  const replaced = reader.take(LINK.replaced) ? readPlace(new ByteReader(reader.bytes())) : undefined
  reader.end()
  return { $typeName: 'lattice.v1.Link', parent, name, kind, replaced }
}

const readPlace = (reader: ByteReader): Place => {
  const parent = readBlob(reader, PLACE.parent)
  const name = readText(reader, PLACE.name)
  reader.end()
  return { $typeName: 'lattice.v1.Place', parent, name }
}

const readContent = (reader: ByteReader): Content => {
  const size = BigInt(readNumber(reader, CONTENT.size))
  const mtimeNs = reader.take(CONTENT.mtimeNs) ? readFixed64(reader) : 0n
  const mode = readNumber(reader, CONTENT.mode)
  const data = readData(reader)
  reader.end()
  return { $typeName: 'lattice.v1.Content', size, mtimeNs, mode, data }
}

const readData = (reader: ByteReader): Content['data'] => {
  if (reader.take(CONTENT.inline)) return { case: 'inline', value: reader.bytes() }
  if (reader.take(CONTENT.manifest)) return { case: 'manifest', value: reader.bytes() }
  if (!reader.take(CONTENT.chunks)) return { case: undefined }
  const list = new ByteReader(reader.bytes())
  const chunks = []
  while (list.take(CHUNKS.chunk)) {
    const chunk = new ByteReader(list.bytes())
    const cid = readBlob(chunk, CHUNK.cid)
    const length = readNumber(chunk, CHUNK.length)
    chunk.end()
    chunks.push({ $typeName: 'lattice.v1.Chunk' as const, cid, length })
  }
  list.end()
  return { case: 'chunks', value: { $typeName: 'lattice.v1.ChunkList', chunks } }
}

const readXattr = (reader: ByteReader): Xattr => {
  const name = readText(reader, XATTR.name)
  const write = readWrite(reader)
  const keep = readAll(reader, XATTR.keep)
  reader.end()
  return { $typeName: 'lattice.v1.Xattr', name, write, keep }
}

const readWrite = (reader: ByteReader): Xattr['write'] => {
  if (reader.take(XATTR.value)) return { case: 'value', value: reader.bytes() }
  if (!reader.take(XATTR.delete)) return { case: undefined }
  const value = reader.varint()
  if (value > 1) throw new MalformedError('a truth value is neither 0 nor 1')
  return { case: 'delete', value: value === 1 }
}

const readAll = (reader: ByteReader, tag: number): Uint8Array[] => {
  const all: Uint8Array[] = []
  while (reader.take(tag)) all.push(reader.bytes())
  return all
}

const NOTHING = new Uint8Array(0)

/** A field that is left out when it is empty, and must be. */
const readBlob = (reader: ByteReader, tag: number): Uint8Array => {
  if (!reader.take(tag)) return NOTHING
  const bytes = reader.bytes()
  if (bytes.length === 0) throw new MalformedError('an empty field is written out')
  return bytes
}

const readText = (reader: ByteReader, tag: number): string => {
  const text = decodeUtf8(readBlob(reader, tag))
  if (text === undefined) throw new MalformedError('a text is not valid UTF-8')
  return text
}

const readNumber = (reader: ByteReader, tag: number): number => {
  if (!reader.take(tag)) return 0
  const value = reader.varint()
  if (value === 0) throw new MalformedError('a zero is written out')
  return value
}

const readFixed64 = (reader: ByteReader): bigint => {
  LONG_BYTES.set(reader.raw(8))
  const value = LONG.getBigInt64(0, true)
  if (value === 0n) throw new MalformedError('a zero is written out')
  return value
}
