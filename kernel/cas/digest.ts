/** The names of chunks: SHA-256 of their bytes. */
import { hash } from 'node:crypto'
import { equalBytes, type Cid } from '../core/bytes.ts'
import { sha256 } from '../core/hash.ts'

export const cidOf: (bytes: Uint8Array) => Cid = sha256

export const hashesTo = (cid: Cid, bytes: Uint8Array): boolean => equalBytes(cid, hash('sha256', bytes, 'buffer'))
