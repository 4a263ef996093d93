/** The address book on a damaged disk, shared by its test (short) and its fuzz campaign (long). */
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { expect } from 'vitest'
import { AddressRecordSchema } from '#proto/wire'
import { bytesToHex, type PublicKey } from '#kernel/core/bytes.ts'
import { openMemory } from '#kernel/storage/memory.ts'
import { AddressBook, SYNC_TABLES } from './addressbook.ts'

const record = fc
  .record({
    addresses: fc.array(fc.string({ maxLength: 20 }), { maxLength: 3 }),
    lastSeenMs: fc.maxSafeNat().map(BigInt),
    standings: fc.array(
      fc.record({
        storeId: fc.uint8Array({ minLength: 31, maxLength: 33 }),
        levelCount: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        count: fc.maxSafeNat().map(BigInt),
        settled: fc.boolean(),
      }),
      { maxLength: 3 },
    ),
  })
  .map((fields) => toBinary(AddressRecordSchema, create(AddressRecordSchema, fields)))
const row = fc.tuple(
  fc.uint8Array({ minLength: 31, maxLength: 33 }),
  fc.oneof(
    record,
    fc.uint8Array({ maxLength: 60 }),
    fc
      .tuple(record, fc.nat(), fc.nat(255))
      .map(([bytes, at, to]) => (bytes.length === 0 ? bytes : bytes.with(at % bytes.length, to))),
  ),
)

/** Whatever lies in the table, the book opens, and what is remembered in it afterwards is read back. */
export const bookProperty = fc.asyncProperty(fc.array(row, { maxLength: 3 }), async (rows) => {
  await using backend = openMemory(SYNC_TABLES)
  await backend.write((tx) => rows.forEach(([key, value]) => tx.put(SYNC_TABLES[0]!, key, value)))
  const book = new AddressBook(backend)
  const peer = (rows[0]?.[0].length === 32 ? rows[0][0] : new Uint8Array(32)) as PublicKey
  await book.remember(peer, ['/ip4/10.0.0.1/tcp/1'], 7)
  expect(new AddressBook(backend).list()).toEqual(expect.arrayContaining([...book.list()]))
  expect(book.get(bytesToHex(peer))?.addresses[0]).toBe('/ip4/10.0.0.1/tcp/1')
})
