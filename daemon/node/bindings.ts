/** Where the folders of this device lie: the table "node" of the database, keyed "folder/" and the store id. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { FolderBindingSchema } from '#proto/home'
import { bytesToHex, concatBytes, type HexKey, type StoreId } from '#kernel/core/bytes.ts'
import type { StorageBackend } from '#kernel/storage/port.ts'

export const NODE_TABLE = 'node'

const PREFIX = new TextEncoder().encode('folder/')
/** The prefix with its last character one higher: the end of all that begins with it. */
const PREFIX_END = new TextEncoder().encode('folder0')

export interface Binding {
  /** Absolute; of a space, where its folders go. Empty: removed here by the person, and not to come back by itself. */
  readonly path: string
  readonly paused: boolean
}

export class Bindings {
  readonly #storage: StorageBackend
  readonly #known: Map<HexKey, Binding>

  constructor(storage: StorageBackend) {
    this.#storage = storage
    this.#known = new Map(
      [...storage.range(NODE_TABLE, { gte: PREFIX, lt: PREFIX_END })].map(([key, value]) => {
        const { path, paused } = fromBinary(FolderBindingSchema, value)
        return [bytesToHex(key.subarray(PREFIX.length)), { path, paused }]
      }),
    )
  }

  get(storeId: StoreId): Binding | undefined {
    return this.#known.get(bytesToHex(storeId))
  }

  /** Resolves once durable. */
  async set(storeId: StoreId, binding: Binding): Promise<void> {
    this.#known.set(bytesToHex(storeId), binding)
    const bytes = toBinary(FolderBindingSchema, create(FolderBindingSchema, binding))
    await this.#storage.write((tx) => tx.put(NODE_TABLE, concatBytes(PREFIX, storeId), bytes))
  }

  async delete(storeId: StoreId): Promise<void> {
    this.#known.delete(bytesToHex(storeId))
    await this.#storage.write((tx) => tx.delete(NODE_TABLE, concatBytes(PREFIX, storeId)))
  }
}
