/** Where folders lie, on a damaged disk; shared by the test and the fuzz campaign. */
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { expect } from 'vitest'
import { FolderBindingSchema } from '#proto/home'
import type { StoreId } from '#kernel/core/bytes.ts'
import { openMemory } from '#kernel/storage/memory.ts'
import { Bindings, NODE_TABLE } from './bindings.ts'

const store = new Uint8Array(32).fill(7) as StoreId
const key = Uint8Array.of(...new TextEncoder().encode('folder/'), ...store)
const valid = toBinary(FolderBindingSchema, create(FolderBindingSchema, { path: '/srv/notes', paused: true }))

/** The bindings open. A folder whose record is damaged is told, and known as removed: not to be placed anew. */
export const bindingsProperty = fc.asyncProperty(
  fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.tuple(fc.nat(valid.length - 1), fc.nat(255)).map(([at, to]) => valid.with(at, to)),
  ),
  async (bytes) => {
    await using backend = openMemory([NODE_TABLE])
    await backend.write((tx) => tx.put(NODE_TABLE, key, bytes))
    const reported: unknown[] = []
    const binding = new Bindings(backend, (cause) => reported.push(cause)).get(store)
    expect(binding).toBeDefined()
    if (reported.length > 0) {
      expect(reported).toMatchObject([{ kind: 'store-corrupt' }])
      expect(binding?.path).toBe('')
    }
  },
)
