/** What every `CasBackend` must do. Run for stored and in-place chunks, and for both together, by cas.test.ts. */
import { describe, expect, test } from 'vitest'
import type { Cid, StoreId } from '../core/bytes.ts'
import { cidOf } from './digest.ts'
import type { CasBackend } from './port.ts'
import { noise } from './testing.ts'

export interface CasWorld {
  readonly backend: CasBackend
  /** Makes the chunk part of the store's content, by whatever way the backend has. */
  put(store: StoreId, bytes: Uint8Array): Promise<Cid>
  /** Changes a byte of the chunk where it lies. */
  damage(store: StoreId, cid: Cid): Promise<void>
}

const storeA = new Uint8Array(32).fill(0xaa) as StoreId
const storeB = new Uint8Array(32).fill(0xff) as StoreId

export const casConformance = (name: string, world: () => CasWorld): void => {
  describe(`content: ${name}`, () => {
    const sizes = [1, 513, 32 * 1024, 32 * 1024 + 1, 65 * 1024, 1024 * 1024]

    test.each(sizes)('a chunk of %i bytes is read back, in its store only', async (size) => {
      const bytes = noise(size, size)
      const cid = await world().put(storeA, bytes)
      expect(cid).toEqual(cidOf(bytes))
      expect(world().backend.has(storeA, cid)).toBe(true)
      const found = await world().backend.read(storeA, cid)
      expect(found.ok && Buffer.compare(found.value, bytes)).toBe(0)
      expect(world().backend.has(storeB, cid)).toBe(false)
      expect(await world().backend.read(storeB, cid)).toMatchObject({ error: { kind: 'chunk-missing' } })
    })

    test.each(sizes)('damage to a chunk of %i bytes is found at every read', async (size) => {
      const cid = await world().put(storeB, noise(size + 1, size))
      await world().damage(storeB, cid)
      expect(await world().backend.read(storeB, cid)).toMatchObject({ error: { kind: 'chunk-damaged' } })
      expect(await world().backend.read(storeB, cid)).toMatchObject({ ok: false })
    })

    test('the buffer is the caller’s', async () => {
      const bytes = noise(5, 5_000)
      const cid = await world().put(storeA, bytes)
      const first = await world().backend.read(storeA, cid)
      if (first.ok) first.value.fill(0)
      const second = await world().backend.read(storeA, cid)
      expect(second.ok && Buffer.compare(second.value, bytes)).toBe(0)
    })
  })
}
