/** Damage on the disk of a node that is stopped, as a failing disk makes it. */
import { join } from 'node:path'
import { hexToBytes } from '#kernel/core/bytes.ts'
import { openLmdb } from '#kernel/storage/lmdb.ts'

/** Overwrites what the home notes of a store. */
export const damageStore = async (home: string, storeHex: string): Promise<void> => {
  await using storage = openLmdb({ path: join(home, 'data'), tables: ['catalog'] })
  const id = hexToBytes(storeHex)
  if (!id.ok || storage.get('catalog', id.value) === undefined) throw new Error(`${storeHex} is not in ${home}`)
  await storage.write((tx) => tx.put('catalog', id.value, Uint8Array.of(0x0a, 0xff, 0x5a)))
}
