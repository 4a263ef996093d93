/**
 * Looks at an LMDB data file before it is mapped: LMDB trusts its file, and a process that maps a foreign or cut-off
 * one dies of SIGSEGV or SIGBUS instead of getting an error.
 *
 * Layout (LMDB 1.0 data version 2, native byte order, as in lmdb.c `MDB_meta`): pages 0 and 1 are meta pages; after a
 * 24-byte page header come magic u32, version u32, address u64, map size u64, two 48-byte database records (the first
 * field of the first is the page size u32; each ends with its root page u64), last page u64, transaction u64.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs'
import { endianness } from 'node:os'
import { StorageError } from './errors.ts'

const MAGIC = 0xbeefc0de
const META = 24
const AT = { version: META + 4, pageSize: META + 24, roots: [META + 64, META + 112], last: META + 120, txn: META + 128 }
const META_BYTES = META + 136
const DATA_VERSION = 2
const NO_PAGE = 0xffff_ffff_ffff_ffffn
const LITTLE = endianness() === 'LE'

/** Throws `store-corrupt` when the file cannot be a whole LMDB store. A missing or empty file is a new store. */
export const checkLmdbFile = (path: string): void => {
  let fd: number
  try {
    fd = openSync(path, 'r+')
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return
    throw error
  }
  try {
    const { size } = fstatSync(fd)
    if (size > 0) checkPages(fd, size, path)
  } finally {
    closeSync(fd)
  }
}

const checkPages = (fd: number, size: number, path: string): void => {
  const damaged = (why: string) => new StorageError('store-corrupt', `the data in ${path} is damaged: ${why}`)
  const read = (offset: number, length: number): DataView => {
    const bytes = new Uint8Array(length)
    if (readSync(fd, bytes, 0, length, offset) !== length) throw damaged(`it ends at ${size} bytes`)
    return new DataView(bytes.buffer)
  }
  const first = read(0, META_BYTES)
  const pageSize = first.getUint32(AT.pageSize, LITTLE)
  if (first.getUint32(META, LITTLE) !== MAGIC || pageSize < 256 || pageSize > 65_536)
    throw damaged('it does not start as an LMDB file does')
  const second = read(pageSize, META_BYTES)
  if (second.getUint32(META, LITTLE) !== MAGIC) throw damaged('its second meta page is not one')
  const newest = second.getBigUint64(AT.txn, LITTLE) > first.getBigUint64(AT.txn, LITTLE) ? second : first
  if ((newest.getUint32(AT.version, LITTLE) & 0xffff) !== DATA_VERSION) throw damaged('its format is not known')
  for (const at of AT.roots) {
    const root = newest.getBigUint64(at, LITTLE)
    if (root === NO_PAGE) continue
    if (root >= BigInt(Math.floor(size / pageSize))) throw damaged(`it ends at ${size} bytes, before its index`)
    if (read(Number(root) * pageSize, 8).getBigUint64(0, LITTLE) !== root)
      throw damaged('its index is not where it says')
  }
  // The tail may be missing legitimately (free pages never written). Make it readable: zeros are an error, a hole is a
  // dead process.
  const whole = (Number(newest.getBigUint64(AT.last, LITTLE)) + 1) * pageSize
  if (whole > size && whole < 2 ** 46) ftruncateSync(fd, whole)
}
