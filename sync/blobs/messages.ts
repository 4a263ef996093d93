/**
 * The messages of the blob exchange and their strict decoders. Each is one frame of sync/framing.ts.
 *
 *   want    serialised BlobWant
 *   answer  length of the head (u32, big-endian) ‖ serialised BlobHead ‖ the chunks' bytes, end to end
 *
 * The chunks are outside of the protobuf message so that they are neither copied into it nor out of it.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { BlobHeadSchema, BlobWantSchema, type BlobHead, type BlobWant } from '#proto/blobs'
import type { Cid, StoreId } from '#kernel/core/bytes.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'

export const BLOBS_PROTOCOL = '/lattice/blobs/1'
export const WANT_CIDS_MAX = 8192
/** The longest want frame: the CIDs, and room for the rest of the message. */
export const WANT_BYTES_MAX = WANT_CIDS_MAX * 32 + 1024
/** The longest thing that is fetched: a manifest of 100,000 chunks. */
export const BLOB_BYTES_MAX = 4_000_000
/** Room for 8192 positions and lengths. */
const HEAD_BYTES_MAX = 96 * 1024
const CID_BYTES = 32

export type BlobMessageError = LatticeError<'bad-blob-message'>

export interface Want {
  readonly id: number
  readonly store: StoreId
  readonly cids: readonly Cid[]
  readonly urgent: boolean
}

export interface Answer {
  readonly want: number
  /** Position in the want's list, and the bytes: views of the frame. */
  readonly sent: readonly { readonly position: number; readonly bytes: Uint8Array }[]
  readonly missing: readonly number[]
}

const bad = (why: string): Result<never, BlobMessageError> =>
  err(latticeError('bad-blob-message', 'permanent', `not a message of the blob exchange: ${why}`))

export const encodeWant = ({ id, store, cids, urgent }: Want): Uint8Array => {
  const packed = new Uint8Array(CID_BYTES * cids.length)
  for (const [i, cid] of cids.entries()) packed.set(cid, CID_BYTES * i)
  return toBinary(BlobWantSchema, create(BlobWantSchema, { id, storeId: store, cids: packed, urgent }))
}

export const decodeWant = (frame: Uint8Array): Result<Want, BlobMessageError> => {
  if (frame.length > WANT_BYTES_MAX) return bad('a want is too long')
  let want: BlobWant
  try {
    want = fromBinary(BlobWantSchema, frame)
  } catch {
    return bad('a want does not parse')
  }
  const count = want.cids.length / CID_BYTES
  if (want.id === 0) return bad('a want has no id')
  if (want.storeId.length !== CID_BYTES) return bad('a want names no store')
  if (!Number.isInteger(count) || count < 1 || count > WANT_CIDS_MAX) return bad('a want has no list of CIDs')
  const cids = Array.from({ length: count }, (_, i) => want.cids.subarray(CID_BYTES * i, CID_BYTES * (i + 1)) as Cid)
  return ok({ id: want.id, store: want.storeId as StoreId, cids, urgent: want.urgent })
}

/** The parts of an answer frame, to be written one after the other; the chunks as they are. */
export const encodeAnswer = ({ want, sent, missing }: Answer): readonly Uint8Array[] => {
  const head = toBinary(
    BlobHeadSchema,
    create(BlobHeadSchema, {
      want,
      sent: sent.map(({ position }) => position),
      lengths: sent.map(({ bytes }) => bytes.length),
      missing: [...missing],
    }),
  )
  const size = new Uint8Array(4)
  new DataView(size.buffer).setUint32(0, head.length)
  return [size, head, ...sent.map(({ bytes }) => bytes)]
}

export const decodeAnswer = (frame: Uint8Array): Result<Answer, BlobMessageError> => {
  if (frame.length < 4) return bad('an answer is too short')
  const size = new DataView(frame.buffer, frame.byteOffset).getUint32(0)
  if (size > HEAD_BYTES_MAX || 4 + size > frame.length) return bad('the head of an answer has a wrong length')
  let head: BlobHead
  try {
    head = fromBinary(BlobHeadSchema, frame.subarray(4, 4 + size))
  } catch {
    return bad('the head of an answer does not parse')
  }
  const { want, sent, lengths, missing } = head
  const answered = sent.length + missing.length
  if (sent.length !== lengths.length || answered < 1 || answered > WANT_CIDS_MAX)
    return bad('an answer does not list what it holds')
  let at = 4 + size
  const chunks = []
  for (const [i, position] of sent.entries()) {
    const length = lengths[i]!
    if (length < 1 || length > BLOB_BYTES_MAX || at + length > frame.length) return bad('a chunk has a wrong length')
    chunks.push({ position, bytes: frame.subarray(at, at + length) })
    at += length
  }
  return at === frame.length ? ok({ want, sent: chunks, missing }) : bad('an answer has bytes left over')
}
