/** Content of a file that is in memory, cut and named as if it had been hashed on disk. For short ones: it is synchronous. */
import { invariant } from '../core/result.ts'
import type { Cid } from '../core/bytes.ts'
import { cutSequential } from './cuts.ts'
import { cidOf } from './digest.ts'
import { Gear, GEAR_WINDOW } from './gear.ts'
import { INLINE_MAX, OP_CHUNKS_MAX, type FileContent } from './port.ts'

/** A millisecond of work. */
export const BYTES_MAX = 1024 * 1024

export interface CutBytes {
  readonly content: FileContent
  /** Views of the bytes given; none for inline content. */
  readonly chunks: readonly { readonly cid: Cid; readonly bytes: Uint8Array }[]
}

/** `bytes`: at most BYTES_MAX. Inline content is a copy. */
export const cutBytes = (bytes: Uint8Array): CutBytes => {
  invariant(bytes.length <= BYTES_MAX, 'only short content is cut in memory')
  if (bytes.length <= INLINE_MAX) return { content: { kind: 'inline', bytes: new Uint8Array(bytes) }, chunks: [] }
  const gear = new Gear(bytes.length + GEAR_WINDOW)
  gear.content.set(bytes)
  const chunks: { cid: Cid; bytes: Uint8Array }[] = []
  for (let start = 0; start < bytes.length;) {
    const end = cutSequential(gear, start, bytes.length)
    const chunk = bytes.subarray(start, end)
    chunks.push({ cid: cidOf(chunk), bytes: chunk })
    start = end
  }
  invariant(chunks.length <= OP_CHUNKS_MAX, 'short content needs no manifest')
  const refs = chunks.map(({ cid, bytes: { length } }) => ({ cid, length }))
  return { content: { kind: 'chunks', chunks: refs }, chunks }
}
