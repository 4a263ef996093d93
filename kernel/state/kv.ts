/** `core:kv`: plain keys and values. A batch is one op: all or nothing, writes in order. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { KvOpSchema, type KvOp } from '#proto/kv'
import { HASH_LENGTH, parseHash, type Hash } from '../core/bytes.ts'
import { BadOpError, type AppliedAt, type BlobRef, type Change, type StateMachine, type StateTables } from './port.ts'
import { KEY_MAX } from './table.ts'

export interface KvWrite {
  readonly key: Uint8Array
  /** undefined: delete. */
  readonly value: Uint8Array | undefined
  readonly keep: readonly Hash[]
}

const parseKeep = (bytes: Uint8Array): Hash => {
  const hash = parseHash(bytes)
  if (!hash.ok) throw new BadOpError(hash.error.message)
  return hash.value
}

/** Decodes protobuf strictly: anything else than what the schema says is a bad op. */
export const decodeStrict = <T extends { $unknown?: readonly unknown[] }>(decode: () => T): T => {
  let message: T
  try {
    message = decode()
  } catch (cause) {
    throw new BadOpError('the op is not well-formed protobuf', { cause })
  }
  if (message.$unknown !== undefined && message.$unknown.length > 0) throw new BadOpError('the op has unknown fields')
  return message
}

const decode = (bytes: Uint8Array): readonly KvWrite[] => {
  const op: KvOp = decodeStrict(() => fromBinary(KvOpSchema, bytes))
  return op.writes.map(({ key, write, keep, $unknown }) => {
    if (key.length < 1) throw new BadOpError('a key is empty')
    if (key.length > KEY_MAX)
      throw new BadOpError(`a key of ${key.length} bytes is over the limit of ${KEY_MAX}`, { kind: 'key-too-long' })
    if ($unknown !== undefined && $unknown.length > 0) throw new BadOpError('a write has unknown fields')
    const heads = keep.map(parseKeep)
    if (write.case === 'value') return { key, value: write.value, keep: heads }
    if (write.case === 'delete' && write.value) return { key, value: undefined, keep: heads }
    throw new BadOpError('a write neither sets nor deletes')
  })
}

export const kvMachine: StateMachine<readonly KvWrite[]> = {
  decode,
  apply(writes: readonly KvWrite[], at: AppliedAt, tables: StateTables): Change[] {
    const keys = new Map<string, Uint8Array>()
    for (const { key, value, keep } of writes) {
      tables.cells.write(key, value, at, keep)
      keys.set(key.join(), key)
    }
    return [...keys.values()].map((key) => ({ key, conflicted: (tables.cells.cell(key)?.heads.length ?? 0) > 1 }))
  },
  *referencedBlobs(): Iterable<BlobRef> {},
}

/** Builds the op of a batch: `kvBatch().put(a, x).delete(b).encode()` is one intention's worth of writes. */
export class KvBatch {
  readonly #writes: KvWrite[] = []

  /** `keep`: heads this write leaves standing, 32 bytes each. */
  put(key: Uint8Array, value: Uint8Array, keep: readonly Hash[] = []): this {
    this.#writes.push({ key, value, keep })
    return this
  }

  delete(key: Uint8Array, keep: readonly Hash[] = []): this {
    this.#writes.push({ key, value: undefined, keep })
    return this
  }

  /** The bytes for `Draft.app`. The store refuses keys that are empty or too long. */
  encode(): Uint8Array {
    return toBinary(
      KvOpSchema,
      create(KvOpSchema, {
        writes: this.#writes.map(({ key, value, keep }) => ({
          key,
          keep: keep.filter((hash) => hash.length === HASH_LENGTH),
          write: value === undefined ? { case: 'delete' as const, value: true } : { case: 'value' as const, value },
        })),
      }),
    )
  }
}

export const kvBatch = (): KvBatch => new KvBatch()
