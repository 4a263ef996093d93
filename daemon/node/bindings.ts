/** Where the folders of this device lie: the table "node" of the database, keyed "folder/" and the store id. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { FolderBindingSchema } from '#proto/home'
import {
  bytesToHex,
  concatBytes,
  encodeUtf8,
  hexToBytes,
  parseHash,
  type HexKey,
  type StoreId,
} from '#kernel/core/bytes.ts'
import { StorageError } from '#kernel/storage/errors.ts'
import type { StorageBackend } from '#kernel/storage/port.ts'

export const NODE_TABLE = 'node'

const PREFIX = encodeUtf8('folder/')
/** The prefix with its last character one higher: the end of all that begins with it. */
const PREFIX_END = encodeUtf8('folder0')

/** Which store is this device's own space. */
const OWN_SPACE = encodeUtf8('space')

export interface Binding {
  /** Absolute; of a space, where its folders go. Empty: removed here by the person, and not to come back by itself. */
  readonly path: string
  readonly paused: boolean
  /** Of one that was removed here and is offered again. */
  readonly name?: string
  /** Where that one was; absolute. */
  readonly formerPath?: string
}

/** Removed here, but other devices have it: it can be kept here again. */
export interface Away {
  readonly storeId: StoreId
  readonly name: string
  readonly formerPath: string
}

export class Bindings {
  readonly #storage: StorageBackend
  readonly #known = new Map<HexKey, Binding>()

  /** A damaged record is told, and counts as removed here: its folder must not appear anew somewhere else. */
  constructor(storage: StorageBackend, report: (cause: unknown) => void) {
    this.#storage = storage
    for (const [key, value] of storage.range(NODE_TABLE, { gte: PREFIX, lt: PREFIX_END })) {
      const storeHex = bytesToHex(key.subarray(PREFIX.length))
      try {
        const { path, paused, name, formerPath } = fromBinary(FolderBindingSchema, value)
        this.#known.set(storeHex, { path, paused, name, formerPath })
      } catch (cause) {
        this.#known.set(storeHex, { path: '', paused: false })
        report(new StorageError('store-corrupt', `where the folder ${storeHex} lies is damaged`, cause))
      }
    }
  }

  /** As it was noted last; undefined: never, or what was noted is damaged. */
  ownSpace(): StoreId | undefined {
    const noted = this.#storage.get(NODE_TABLE, OWN_SPACE)
    const id = noted && parseHash(noted)
    return id?.ok ? id.value : undefined
  }

  /** Resolves once durable. */
  async noteOwnSpace(storeId: StoreId): Promise<void> {
    await this.#storage.write((tx) => tx.put(NODE_TABLE, OWN_SPACE, storeId))
  }

  /** What was removed here and is offered again. */
  away(): readonly Away[] {
    return [...this.#known].flatMap(([storeHex, { path, name = '', formerPath = '' }]) => {
      const bytes = hexToBytes(storeHex)
      const id = bytes.ok ? parseHash(bytes.value) : bytes
      return id.ok && path === '' && name !== '' ? [{ storeId: id.value, name, formerPath }] : []
    })
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
