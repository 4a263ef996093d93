/**
 * One name in one directory: who claims it, who gets it, and what the others are called.
 *
 * Directories of one name are one. All else that hangs there claims the name, best link first, and after those the
 * contents that lost a conflict. A claim whose data an earlier one shows is hidden behind it (its *twin*).
 */
import { equalBytes } from '#kernel/core/bytes.ts'
import type { StateReader } from '#kernel/state/port.ts'
import { StateSnapshot } from '#kernel/state/snapshot.ts'
import { conflictBases, conflictName } from './conflict-names.ts'
import { compareClaim, inodeState, sameData, shownContents, type ContentHead, type InodeState } from './inode.ts'
import { entriesNamed, entriesOf, entriesPrefixed, type Entry } from './entries.ts'
import { effectivePlace, livingPlace } from './placement.ts'
import type { DeviceName, Inode, Visible } from './port.ts'
import { inodeKey, isRoot } from './values.ts'

/** Directories seen as one; the first gives it its inode. */
export type Group = readonly Inode[]

export interface Contender {
  readonly state: InodeState
  readonly contents: readonly ContentHead[]
}

export interface Claim {
  readonly contender: Contender
  readonly content: ContentHead
  /** Lost against another content of the same inode. */
  readonly lost: boolean
  /** Hidden behind an earlier claim of the same data. */
  readonly twinOf: Claim | undefined
}

/** All that hangs under one name of a group. */
export interface Slot {
  readonly group: Group
  readonly name: string
  /** Merged into one; the first keeps its inode. */
  readonly dirs: readonly Contender[]
  readonly claims: readonly Claim[]
}

/**
 * The directories that `dir` is one with; undefined if it is not reachable from the root. Worked out once per snapshot.
 */
export const groupOf = (state: StateReader, dir: Inode): Group | undefined => {
  if (!(state instanceof StateSnapshot)) return findGroup(state, dir)
  const name = inodeKey(dir)
  if (state.worked.has(name)) return state.worked.get(name) as Group | undefined
  const group = findGroup(state, dir)
  state.worked.set(name, group)
  return group
}

const findGroup = (state: StateReader, dir: Inode): Group | undefined => {
  const way: string[] = []
  let inode = dir
  while (!isRoot(inode)) {
    const found = inodeState(state.cells, inode)
    if (found?.kind !== 'dir') return undefined
    const place = effectivePlace(state.derived, found)
    way.push(place.name)
    inode = place.parent
  }
  let group: Group = [inode]
  for (let name = way.pop(); name !== undefined; name = way.pop()) {
    const dirs: InodeState[] = []
    for (const entry of entriesAt(state, group, name)) {
      const found = entry.kind === 'dir' ? inodeState(state.cells, entry.inode) : undefined
      if (found) dirs.push(found)
    }
    if (dirs.length === 0) return undefined
    group = dirs.sort(compareClaim).map((each) => each.inode)
  }
  return group
}

/** '/'-separated, from the root; `parent` reachable from it. */
export const pathOf = (state: StateReader, parent: Inode, name: string): string => {
  const names = name === '' ? [] : [name]
  for (let inode = parent; !isRoot(inode);) {
    const place = effectivePlace(state.derived, inodeState(state.cells, inode)!)
    names.push(place.name)
    inode = place.parent
  }
  return names.reverse().join('/')
}

export const entriesAt = (state: StateReader, group: Group, name: string): readonly Entry[] =>
  group.length === 1
    ? entriesNamed(state.derived, { parent: group[0]!, name })
    : group.flatMap((parent) => entriesNamed(state.derived, { parent, name }))

/** What hangs under a name alone has nothing to contend with: all that is seen there is its own. */
const loneSlot = (state: StateReader, group: Group, name: string, { inode }: Entry): Slot => {
  const found = inodeState(state.cells, inode)
  if (found === undefined) return { group, name, dirs: [], claims: [] }
  const contents = shownContents(state.cells, found)
  const contender: Contender = { state: found, contents }
  if (found.kind === 'dir') return { group, name, dirs: [contender], claims: [] }
  const claims = contents.map((content, i) => ({ contender, content, lost: i > 0, twinOf: undefined }))
  return { group, name, dirs: [], claims }
}

export const readSlot = (state: StateReader, group: Group, name: string, entries: readonly Entry[]): Slot => {
  if (entries.length === 1) return loneSlot(state, group, name, entries[0]!)
  const contenders: Contender[] = []
  for (const { inode } of entries) {
    const found = inodeState(state.cells, inode)
    if (found) contenders.push({ state: found, contents: shownContents(state.cells, found) })
  }
  contenders.sort((a, b) => compareClaim(a.state, b.state))
  const claims: Claim[] = []
  const claim = (contender: Contender, content: ContentHead, lost: boolean) => {
    const twinOf = claims.find(
      (c) =>
        c.twinOf === undefined &&
        c.contender.state.kind === contender.state.kind &&
        sameData(c.content.content, content.content),
    )
    claims.push({ contender, content, lost, twinOf })
  }
  const files = contenders.filter(({ state: { kind } }) => kind !== 'dir')
  for (const file of files) if (file.contents[0]) claim(file, file.contents[0], false)
  for (const file of files) for (const content of file.contents.slice(1)) claim(file, content, true)
  return { group, name, dirs: contenders.filter(({ state: { kind } }) => kind === 'dir'), claims }
}

export const slotAt = (state: StateReader, group: Group, name: string): Slot =>
  readSlot(state, group, name, entriesAt(state, group, name))

const LAST_SLOT = 'slot'

/**
 * Where an inode is seen, or hides; undefined if it does not live or cannot be reached. A snapshot keeps the last one:
 * whoever asks for one asks for it several times in a row, and to keep more costs more than to look again.
 */
export const slotOf = (state: StateReader, inode: Inode): Slot | undefined => {
  if (!(state instanceof StateSnapshot)) return findSlot(state, inode)
  const last = state.worked.get(LAST_SLOT) as { readonly inode: Inode; readonly slot: Slot | undefined } | undefined
  if (last && equalBytes(last.inode, inode)) return last.slot
  const slot = findSlot(state, inode)
  state.worked.set(LAST_SLOT, { inode, slot })
  return slot
}

const findSlot = (state: StateReader, inode: Inode): Slot | undefined => {
  const found = inodeState(state.cells, inode)
  const place = found && livingPlace(state, found)
  const group = place && groupOf(state, place.parent)
  return group && slotAt(state, group, place.name)
}

/** What everyone sees of a slot, the one that has the plain name first; with the claim behind each but directories. */
export const seenInSlot = (
  state: StateReader,
  slot: Slot,
  deviceName: DeviceName,
): { readonly visible: Visible; readonly claim: Claim | undefined }[] => {
  const seen: { visible: Visible; claim: Claim | undefined }[] = []
  const parent = slot.group[0]!
  const dir = slot.dirs[0]
  if (dir) {
    const content = dir.contents[0]
    const { inode, kind, head } = dir.state
    const visible = { inode, parent, name: slot.name, kind, linkHead: head.hash, conflict: 'none' as const }
    seen.push({
      visible: { ...visible, content: content?.content, contentHead: content?.head.hash },
      claim: undefined,
    })
  }
  const used = new Set<string>()
  for (const claim of slot.claims) {
    if (claim.twinOf) continue
    const { state: owner } = claim.contender
    const plain = seen.length === 0
    const dot = claim.lost ? claim.content.head : owner.head
    const name = plain ? slot.name : freeName(state, slot, used, deviceName(dot.author), dot.hlc)
    used.add(name)
    const conflict = plain ? 'none' : claim.lost ? 'content' : dir ? 'kind' : 'name'
    const { head, content } = claim.content
    const { inode, kind } = owner
    seen.push({
      visible: { inode, parent, name, kind, content, contentHead: head.hash, linkHead: owner.head.hash, conflict },
      claim,
    })
  }
  return seen
}

/** The first conflict name that neither this slot has used nor anything hangs under. */
const freeName = (state: StateReader, slot: Slot, used: ReadonlySet<string>, device: string, hlc: bigint): string => {
  for (let count = 1; ; count++) {
    const name = conflictName(slot.name, device, hlc, count)
    if (!used.has(name) && entriesAt(state, slot.group, name).length === 0) return name
  }
}

/** The names a conflict name may have been made from, as far as anything hangs under them. */
export const basesAt = (state: StateReader, group: Group, name: string): ReadonlySet<string> => {
  const bases = new Set<string>()
  for (const base of conflictBases(name)) {
    if (base.kind === 'name') bases.add(base.name)
    else
      for (const parent of group)
        for (const entry of entriesPrefixed(state.derived, parent, base.prefix))
          if (base.matches(entry.name)) bases.add(entry.name)
  }
  bases.delete(name)
  return bases
}

export const compareNames = (a: string, b: string): number => {
  // Order of UTF-8 bytes, as the index has it: by code point.
  if (a === b) return 0
  for (let i = 0; ; i++) {
    if (i >= a.length) return -1
    if (i >= b.length) return 1
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    const highX = x >= 0xd800 && x <= 0xdfff
    const highY = y >= 0xd800 && y <= 0xdfff
    return highX === highY ? x - y : highX ? 1 : -1
  }
}

/** The slots of a group after a name, lazily: the directories' entries are merged by name, as each is in order. */
export const slotsOf = function* (state: StateReader, group: Group, after = ''): Generator<Slot> {
  const streams = group.map((dir) => {
    const entries = entriesOf(state.derived, dir, after)[Symbol.iterator]()
    return { entries, next: entries.next() }
  })
  for (;;) {
    let name: string | undefined
    for (const { next } of streams)
      if (!next.done && (name === undefined || compareNames(next.value.name, name) < 0)) name = next.value.name
    if (name === undefined) return
    const entries: Entry[] = []
    for (const stream of streams)
      while (!stream.next.done && stream.next.value.name === name) {
        entries.push(stream.next.value)
        stream.next = stream.entries.next()
      }
    yield readSlot(state, group, name, entries)
  }
}
