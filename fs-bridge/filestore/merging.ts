/**
 * Which directories are one because they hang under one name, and which names clash: kept up as entries come and go,
 * so that finding the conflicts costs nothing for all that is in none.
 *
 *   m/<dir16> → parent16 name      where a directory hangs that is one with others
 *   k/<parent16><name> → nothing   what hangs there clashes with what else has that name
 *
 * Both are functions of the entries and the cells. A directory is one with those that hang under its name in its
 * parent or in those its parent is one with; whether the root can be reached does not matter. Names clash if things
 * of different kind or data claim one: which of them wins does not matter either.
 *
 * When directories become one, or no longer are, only the names they have in common change. They are looked for in
 * the one with fewer entries, so that a new or empty directory costs nothing however large its namesake is.
 */
import { decodeUtf8, encodeUtf8, equalBytes } from '#kernel/core/bytes.ts'
import type { CellReader, DerivedReader, DerivedWriter, StateTables } from '#kernel/state/port.ts'
import { addEntry, entriesNamed, entriesOf, removeEntry, type Entry } from './entries.ts'
import { mayBeConflictName } from './conflict-names.ts'
import { inodeState, sameData, shownContents } from './inode.ts'
import type { ContentValue, Inode, Kind } from './port.ts'
import { INODE_LENGTH, key, type Place } from './values.ts'

const MERGED = 0x6d
const CLASH = 0x6b
const NOTHING = new Uint8Array()

/** A directory and where it is entered. */
interface Hung {
  readonly inode: Inode
  readonly place: Place
}

const mergedKey = (dir: Inode): Uint8Array => key(MERGED, dir)
const clashKey = ({ parent, name }: Place): Uint8Array => key(CLASH, parent, encodeUtf8(name))

const placeToBytes = ({ parent, name }: Place): Uint8Array => {
  const text = encodeUtf8(name)
  const out = new Uint8Array(INODE_LENGTH + text.length)
  out.set(parent)
  out.set(text, INODE_LENGTH)
  return out
}

const bytesToPlace = (bytes: Uint8Array): Place => ({
  parent: bytes.slice(0, INODE_LENGTH) as Inode,
  name: decodeUtf8(bytes.subarray(INODE_LENGTH))!,
})

const dirsAt = (derived: DerivedReader, parents: readonly Inode[], name: string): Hung[] => {
  const dirs: Hung[] = []
  for (const parent of parents)
    for (const { inode, kind } of entriesNamed(derived, { parent, name }))
      if (kind === 'dir') dirs.push({ inode, place: { parent, name } })
  return dirs
}

/** All directories that are one with `dir`, in an order that depends on nothing but which they are; itself at least. */
export const mergedWith = (derived: DerivedReader, dir: Inode): readonly Inode[] => {
  const names: string[] = []
  let top = dir
  for (let value = derived.get(mergedKey(top)); value !== undefined; value = derived.get(mergedKey(top))) {
    const place = bytesToPlace(value)
    names.push(place.name)
    top = place.parent
  }
  let group: readonly Inode[] = [top]
  for (let name = names.pop(); name !== undefined; name = names.pop())
    group = dirsAt(derived, group, name).map(({ inode }) => inode)
  return group
}

/** Whether what hangs under one name is more than one thing. A directory is one thing, whatever else it is one with. */
const clash = (cells: CellReader, entries: readonly Entry[]): boolean => {
  if (entries.length < 2) return false
  const hasDir = entries.some(({ kind }) => kind === 'dir')
  let first: { readonly kind: Kind; readonly content: ContentValue } | undefined
  for (const { inode, kind } of entries) {
    if (kind === 'dir') continue
    if (hasDir) return true
    const state = inodeState(cells, inode)
    const content = state && shownContents(cells, state)[0]?.content
    if (content === undefined) continue
    first ??= { kind, content }
    if (first.kind !== kind || !sameData(first.content, content)) return true
  }
  return false
}

const setRow = (derived: DerivedWriter, row: Uint8Array, value: Uint8Array | undefined): void => {
  const stands = derived.get(row) !== undefined
  if (value !== undefined && !stands) derived.put(row, value)
  else if (value === undefined && stands) derived.delete(row)
}

/** Works out anew whether a name of directories that are one clashes. */
const judge = ({ cells, derived }: StateTables, group: readonly Inode[], name: string): void => {
  const spots = group.map((parent) => ({ parent, entries: entriesNamed(derived, { parent, name }) }))
  const clashes = clash(
    cells,
    spots.flatMap(({ entries }) => entries),
  )
  for (const { parent, entries } of spots)
    setRow(derived, clashKey({ parent, name }), clashes && entries.length > 0 ? NOTHING : undefined)
}

/** The names that both have, found at the cost of the smaller. */
const commonNames = (derived: DerivedReader, a: readonly Inode[], b: readonly Inode[]): string[] => {
  const sides = [
    { names: new Set<string>(), entries: namesOf(derived, a), other: b },
    { names: new Set<string>(), entries: namesOf(derived, b), other: a },
  ] as const
  try {
    for (;;)
      for (const { names, entries, other } of sides) {
        const next = entries.next()
        if (next.done) return [...names].filter((name) => hasName(derived, other, name))
        names.add(next.value)
      }
  } finally {
    for (const { entries } of sides) entries.return(undefined)
  }
}

const namesOf = function* (derived: DerivedReader, dirs: readonly Inode[]): Generator<string, undefined> {
  for (const dir of dirs) for (const { name } of entriesOf(derived, dir)) yield name
  return undefined
}

const hasName = (derived: DerivedReader, dirs: readonly Inode[], name: string): boolean =>
  dirs.some((parent) => entriesNamed(derived, { parent, name }).length > 0)

/** Two sets of directories, each one in itself, are one from now on, or no longer. So are those of one name in them. */
const regroup = (tables: StateTables, a: readonly Hung[], b: readonly Hung[], together: boolean): void => {
  const { derived } = tables
  const todo = [[a, b] as const]
  for (let pair = todo.pop(); pair !== undefined; pair = todo.pop()) {
    // A side of several is marked as one already, and stays so.
    for (const { length, 0: only } of pair)
      if (length === 1 && only) setRow(derived, mergedKey(only.inode), together ? placeToBytes(only.place) : undefined)
    const [left, right] = [pair[0].map(({ inode }) => inode), pair[1].map(({ inode }) => inode)]
    for (const name of commonNames(derived, left, right)) {
      for (const group of together ? [[...left, ...right]] : [left, right]) judge(tables, group, name)
      const below = [dirsAt(derived, left, name), dirsAt(derived, right, name)] as const
      if (below[0].length > 0 && below[1].length > 0) todo.push(below)
    }
  }
}

/** Enters an inode that lives. False if it was there already. */
export const enter = (tables: StateTables, inode: Inode, kind: Kind, place: Place): boolean => {
  const { derived } = tables
  const count = addEntry(derived, inode, kind, place)
  if (count === undefined) return false
  const group = mergedWith(derived, place.parent)
  if (count === 1 && group.length === 1) return true
  const others = dirsAt(derived, group, place.name).filter((dir) => !equalBytes(dir.inode, inode))
  if (kind === 'dir' && others.length > 0) regroup(tables, [{ inode, place }], others, true)
  judge(tables, group, place.name)
  return true
}

/**
 * Takes out an inode that no longer lives or hangs there. Returns whether others may look different for it: those that
 * have the name too or would have liked to have it, and what hangs in directories that were one with this one.
 */
export const leave = (tables: StateTables, inode: Inode, place: Place): boolean => {
  const { derived } = tables
  const removed = removeEntry(derived, inode, place)
  if (removed === undefined) return false
  const group = mergedWith(derived, place.parent)
  if (removed.left === 0 && group.length === 1) return removed.kind === 'dir' || mayBeConflictName(place.name)
  const others = dirsAt(derived, group, place.name)
  if (removed.kind === 'dir' && others.length > 0) regroup(tables, [{ inode, place }], others, false)
  judge(tables, group, place.name)
  return true
}

/** What a file that hangs there holds has changed. */
export const rejudge = (tables: StateTables, place: Place): void => {
  const group = mergedWith(tables.derived, place.parent)
  if (group.length > 1 || entriesNamed(tables.derived, place).length > 1) judge(tables, group, place.name)
}

/** The names in one directory that clash. */
export const clashingNames = function* (derived: DerivedReader, parent: Inode): Generator<string> {
  const range = { gte: key(CLASH, parent), lt: key(CLASH, parent, Uint8Array.of(0xff)) }
  for (const [bytes] of derived.range(range)) yield bytesToPlace(bytes.subarray(2)).name
}

/**
 * Where names clash, in any directory, in the order of parent and name, from that one on. Of directories that are one,
 * every place that takes part is named.
 */
export const clashingPlaces = function* (derived: DerivedReader, from?: Place): Generator<Place> {
  const gte = from ? clashKey(from) : key(CLASH)
  for (const [bytes] of derived.range({ gte, lt: Uint8Array.of(CLASH, 0x30) })) yield bytesToPlace(bytes.subarray(2))
}

export const clashesAt = (derived: DerivedReader, place: Place): boolean => derived.get(clashKey(place)) !== undefined
