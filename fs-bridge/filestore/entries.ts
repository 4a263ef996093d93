/**
 * Which living inodes hang under which name of which directory: the part of the index everything else is read by.
 *
 *   p/<parent16><name> → (inode16 kind)…   by inode
 */
import { concatBytes, decodeUtf8, encodeUtf8 } from '#kernel/core/bytes.ts'
import type { DerivedReader, DerivedWriter } from '#kernel/state/port.ts'
import type { Inode, Kind } from './port.ts'
import { byteToKind, INODE_LENGTH, key, kindToByte, type Place } from './values.ts'

const PLACED = 0x70
const ENTRY_LENGTH = INODE_LENGTH + 1
const NOTHING = new Uint8Array()

export interface Entry {
  readonly inode: Inode
  readonly name: string
  readonly kind: Kind
}

const spotKey = ({ parent, name }: Place): Uint8Array => key(PLACED, parent, encodeUtf8(name))

const parseEntries = (name: string, value: Uint8Array): Entry[] => {
  const entries: Entry[] = []
  for (let at = 0; at < value.length; at += ENTRY_LENGTH) {
    const inode = value.slice(at, at + INODE_LENGTH) as Inode
    entries.push({ inode, name, kind: byteToKind(value[at + INODE_LENGTH]!)! })
  }
  return entries
}

const scan = function* (derived: DerivedReader, gte: Uint8Array, lt: Uint8Array): Generator<Entry> {
  for (const [bytes, value] of derived.range({ gte, lt }))
    yield* parseEntries(decodeUtf8(bytes.subarray(2 + INODE_LENGTH))!, value)
}

const END_OF_NAME = new Uint8Array(1)

/** What hangs directly in `parent` under names after the one given, ordered by their bytes, then by inode. */
export const entriesOf = (derived: DerivedReader, parent: Inode, after = ''): Iterable<Entry> =>
  // A name is never empty and holds neither 0 nor 0xff: these bound it from below and above.
  scan(derived, key(PLACED, parent, encodeUtf8(after), END_OF_NAME), key(PLACED, parent, Uint8Array.of(0xff)))

export const entriesNamed = (derived: DerivedReader, place: Place): readonly Entry[] => {
  const value = derived.get(spotKey(place))
  return value ? parseEntries(place.name, value) : []
}

export const entriesPrefixed = (derived: DerivedReader, parent: Inode, prefix: string): Iterable<Entry> =>
  scan(derived, key(PLACED, parent, encodeUtf8(prefix)), key(PLACED, parent, encodeUtf8(prefix), Uint8Array.of(0xff)))

export const isEmpty = (derived: DerivedReader, parent: Inode): boolean => {
  for (const _ of derived.range({ gte: key(PLACED, parent), lt: key(PLACED, parent, Uint8Array.of(0xff)), limit: 1 }))
    return false
  return true
}

/** As `compareBytes`, without a view of the entry. */
const compareAt = (value: Uint8Array, at: number, inode: Inode): number => {
  for (let i = 0; i < INODE_LENGTH; i++) {
    const order = value[at + i]! - inode[i]!
    if (order !== 0) return order
  }
  return 0
}

/** Where the inode's entry begins, or where it would. */
const positionIn = (value: Uint8Array, inode: Inode): { readonly at: number; readonly found: boolean } => {
  for (let at = 0; at < value.length; at += ENTRY_LENGTH) {
    const order = compareAt(value, at, inode)
    if (order >= 0) return { at, found: order === 0 }
  }
  return { at: value.length, found: false }
}

export const isEntered = (derived: DerivedReader, inode: Inode, place: Place): boolean => {
  const value = derived.get(spotKey(place))
  return value !== undefined && positionIn(value, inode).found
}

/** Returns how many hang there now; undefined if the inode did already. */
export const addEntry = (derived: DerivedWriter, inode: Inode, kind: Kind, place: Place): number | undefined => {
  const spot = spotKey(place)
  const old = derived.get(spot) ?? NOTHING
  const { at, found } = positionIn(old, inode)
  if (found) return undefined
  derived.put(spot, concatBytes(old.subarray(0, at), inode, Uint8Array.of(kindToByte(kind)), old.subarray(at)))
  return old.length / ENTRY_LENGTH + 1
}

/** Returns what the inode was entered as and how many are left; undefined if it did not hang there. */
export const removeEntry = (
  derived: DerivedWriter,
  inode: Inode,
  place: Place,
): { readonly kind: Kind; readonly left: number } | undefined => {
  const spot = spotKey(place)
  const old = derived.get(spot) ?? NOTHING
  const { at, found } = positionIn(old, inode)
  if (!found) return undefined
  if (old.length === ENTRY_LENGTH) derived.delete(spot)
  else derived.put(spot, concatBytes(old.subarray(0, at), old.subarray(at + ENTRY_LENGTH)))
  return { kind: byteToKind(old[at + INODE_LENGTH]!)!, left: old.length / ENTRY_LENGTH - 1 }
}
