/**
 * `core:log`: entries that are only ever added. Key = hlc[8, big-endian] hash[32] index[2, big-endian], so that the
 * table's order is the log's: by time, ties by hash, then as written.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { LogOpSchema } from '#proto/kv'
import type { Dot } from '../dag/port.ts'
import { decodeStrict } from './kv.ts'
import { BadOpError, type BlobRef, type Change, type StateMachine } from './port.ts'

/** Entries of one op; 2 bytes of index. */
export const LOG_ENTRIES_MAX = 65_535

/** Key of one entry of an intention. */
export const logKey = (at: Dot, index: number): Uint8Array => {
  const key = new Uint8Array(42)
  const view = new DataView(key.buffer)
  view.setBigUint64(0, at.hlc)
  key.set(at.hash, 8)
  view.setUint16(40, index)
  return key
}

export const encodeLogOp = (entries: readonly Uint8Array[]): Uint8Array =>
  toBinary(LogOpSchema, create(LogOpSchema, { entries: [...entries] }))

export const logMachine: StateMachine<readonly Uint8Array[]> = {
  decode(bytes) {
    const { entries } = decodeStrict(() => fromBinary(LogOpSchema, bytes))
    if (entries.length > LOG_ENTRIES_MAX) throw new BadOpError(`an op has ${entries.length} log entries`)
    return entries
  },
  apply(entries, at, tables): Change[] {
    return entries.map((entry, index) => {
      const key = logKey(at, index)
      tables.cells.write(key, entry, at)
      return { key, conflicted: false }
    })
  },
  *referencedBlobs(): Iterable<BlobRef> {},
}
