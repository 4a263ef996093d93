/** SHA-256 of a chunk: its name. */
import { hash } from 'node:crypto'
import { compareBytes, type Cid } from '../core/bytes.ts'

export const cidOf = (bytes: Uint8Array): Cid => {
  // A digest comes as a slice of Node's shared buffer pool: a copy of exactly 32 bytes is what may be kept.
  return new Uint8Array(hash('sha256', bytes, 'buffer')) as Cid
}

export const hashesTo = (cid: Cid, bytes: Uint8Array): boolean =>
  compareBytes(cid, hash('sha256', bytes, 'buffer')) === 0
