/**
 * What it takes to make a directory what it was: the tree of then held against the tree of now, inode by inode. What
 * was made anew since, the same under the same path, is as good as what it was made for and stays.
 */
import { bytesToHex } from '#kernel/core/bytes.ts'
import type { StateReader } from '#kernel/state/port.ts'
import { StateSnapshot } from '#kernel/state/snapshot.ts'
import { entriesOf, type Entry } from '#fs-bridge/filestore/entries.ts'
import { inodeState, sameData, shownContents } from '#fs-bridge/filestore/inode.ts'
import { livingPlace } from '#fs-bridge/filestore/placement.ts'
import type { ContentValue, Inode, Kind } from '#fs-bridge/filestore/port.ts'
import type { Tree } from '#fs-bridge/filestore/tree.ts'
import { isRoot, type Place } from '#fs-bridge/filestore/values.ts'
import { pathOfPlace } from './places.ts'
import type { Breathe } from './turns.ts'
import { isSamePlace, lookAtHeads, type SeenHeads } from './writing.ts'

const ENTRIES_AT_ONCE = 32

/** One thing to be done. `path`: as it will be, of what is removed as it is. */
export interface Step {
  readonly inode: Inode
  readonly kind: Kind
  readonly path: string
  /** It is not seen now and comes back. */
  readonly restored: boolean
  /** Where it goes; undefined: it stays where it is. */
  readonly place: Place | undefined
  /** What it will hold; undefined: what it holds. */
  readonly content: ContentValue | undefined
  readonly removed: boolean
  /** What stood of it when it was looked at. */
  readonly seen: SeenHeads
}

interface Standing {
  readonly inode: Inode
  readonly kind: Kind
  readonly place: Place
  readonly path: string
  /** The one that won, where several are in conflict. */
  readonly content: ContentValue | undefined
  readonly contents: number
}

const standing = (state: StateReader, { inode, kind }: Pick<Entry, 'inode' | 'kind'>, place: Place, path: string) => {
  const found = inodeState(state.cells, inode)
  const shown = found ? shownContents(state.cells, found) : []
  return { inode, kind, place, path, content: shown[0]?.content, contents: shown.length }
}

/** The inodes at a path: those of directories that are one. */
const topsAt = (tree: Tree, path: string): readonly Inode[] => {
  const top = tree.resolve(path)
  return top === undefined ? [] : top.kind === 'dir' ? tree.merged(top.inode) : [top.inode]
}

/** All that stands at a path and below, parents first, with what is hidden behind its like; a turn's worth at a time. */
async function* standingAt(tree: Tree, path: string, breathe: Breathe): AsyncGenerator<readonly Standing[]> {
  const dirs: { readonly inode: Inode; readonly path: string }[] = []
  for (const inode of topsAt(tree, path)) {
    const top = isRoot(inode) ? undefined : placedIn(tree.state, inode)
    if (top) yield [{ ...top, path }]
    if (isRoot(inode) || top?.kind === 'dir') dirs.push({ inode, path })
  }
  for (let dir = dirs.pop(); dir !== undefined; dir = dirs.pop()) {
    for (let after: string | undefined = ''; after !== undefined;) {
      const snapshot: StateReader = new StateSnapshot(tree.state)
      const some = takeSome(entriesOf(snapshot.derived, dir.inode, after))
      const found = some.entries.map((entry) => {
        const below = dir.path === '' ? entry.name : `${dir.path}/${entry.name}`
        return standing(snapshot, entry, { parent: dir.inode, name: entry.name }, below)
      })
      for (const each of found) if (each.kind === 'dir') dirs.push(each)
      yield found
      after = some.last
      await breathe()
    }
  }
}

/** Whole names only; `last`: where to go on, if there may be more. */
const takeSome = (all: Iterable<Entry>): { readonly entries: readonly Entry[]; readonly last: string | undefined } => {
  const entries: Entry[] = []
  for (const entry of all) {
    const last = entries.at(-1)?.name
    if (entries.length >= ENTRIES_AT_ONCE && entry.name !== last) return { entries, last }
    entries.push(entry)
  }
  return { entries, last: undefined }
}

const sameContent = (a: ContentValue | undefined, b: ContentValue | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && a.mode === b.mode && sameData(a, b))

/** As good as the other; of several contents none is. */
const isLike = (a: Standing, b: Standing): boolean =>
  a.kind === b.kind && (a.kind === 'dir' || (sameContent(a.content, b.content) && b.contents === 1))

/** What was and is no more: it comes back. */
const comeBack = (now: StateReader, { inode, kind, path, place, content }: Standing): Step => ({
  inode,
  kind,
  path,
  restored: true,
  place,
  content,
  removed: false,
  seen: lookAtHeads(now, inode),
})

/** What was and is: it goes back to its place and gets its content back, as far as they differ. */
const goBack = (now: StateReader, was: Standing, is: Standing): Step | undefined => {
  const isMoved = !isSamePlace(is.place, was.place)
  const isEdited = was.kind !== 'dir' && (is.contents > 1 || !sameContent(is.content, was.content))
  if (!isMoved && !isEdited) return undefined
  const { inode, kind, path, place, content } = was
  return {
    inode,
    kind,
    path,
    restored: false,
    place: isMoved ? place : undefined,
    content: isEdited ? content : undefined,
    removed: false,
    seen: lookAtHeads(now, inode),
  }
}

/** What is and was not there: it goes to where it was, else to trash. */
const goAway = (now: StateReader, { inode, kind, path }: Standing, elsewhere: Standing | undefined): Step => ({
  inode,
  kind,
  path: elsewhere?.path ?? path,
  restored: false,
  place: elsewhere?.place,
  content: undefined,
  removed: elsewhere === undefined,
  seen: lookAtHeads(now, inode),
})

/** Where an inode stands in a tree, if it is seen there. */
const placedIn = (state: StateReader, inode: Inode): Standing | undefined => {
  const found = inodeState(state.cells, inode)
  const place = found && livingPlace(state, found)
  const path = place && pathOfPlace(state, place)
  return path === undefined ? undefined : standing(state, { inode, kind: found!.kind }, place!, path)
}

/** Whether things of a tree lie at or below some of its inodes; what it finds of directories it remembers. */
const isBelow = (tree: Tree, tops: readonly Inode[]): ((standing: Standing) => boolean) => {
  const known = new Map<string, boolean>(tops.map((inode) => [bytesToHex(inode), true]))
  const ofDir = (dir: Inode): boolean => {
    const hex = bytesToHex(dir)
    const above = known.has(hex) || isRoot(dir) ? undefined : placedIn(tree.state, dir)
    const is = known.get(hex) ?? (above !== undefined && ofDir(above.place.parent))
    known.set(hex, is)
    return is
  }
  return ({ inode, place }) => known.get(bytesToHex(inode)) === true || ofDir(place.parent)
}

interface Proposed {
  readonly standing: Standing
  readonly step: Step
}

/** Undefined: nothing stood at the path then. Directories come before what goes into them, removals last. */
export const diffTrees = async (
  then: Tree,
  now: Tree,
  path: string,
  breathe: Breathe,
): Promise<readonly Step[] | undefined> => {
  const tops = topsAt(then, path)
  if (tops.length === 0) return undefined
  const steps: (Step | undefined)[] = []
  // Each with its step, whose heads are those that stood when it was compared: what comes later is kept.
  const gone = new Map<string, Proposed>()
  const anew = new Map<string, Proposed[]>()
  for await (const some of standingAt(then, path, breathe)) {
    const present = new StateSnapshot(now.state)
    for (const was of some) {
      const is = placedIn(present, was.inode)
      if (is) steps.push(goBack(present, was, is))
      else gone.set(was.path, { standing: was, step: comeBack(present, was) })
      await breathe()
    }
  }
  const wasHere = isBelow(then, tops)
  for await (const some of standingAt(now, path, breathe)) {
    const [past, present] = [new StateSnapshot(then.state), new StateSnapshot(now.state)]
    for (const is of some) {
      const was = placedIn(past, is.inode)
      if (was && wasHere(was)) continue
      const step = goAway(present, is, was)
      if (was) steps.push(step)
      else anew.set(is.path, [...(anew.get(is.path) ?? []), { standing: is, step }])
      await breathe()
    }
  }
  for (const { standing: was, step } of gone.values()) {
    const same = anew.get(was.path)?.findIndex(({ standing: is }) => isLike(was, is)) ?? -1
    if (same < 0) steps.push(step)
    else anew.get(was.path)!.splice(same, 1)
    await breathe()
  }
  for (const each of anew.values()) steps.push(...each.map(({ step }) => step))
  const dirs: Step[] = []
  const others: Step[] = []
  const removals: Step[] = []
  for (const step of steps) {
    if (step) (step.removed ? removals : step.kind === 'dir' ? dirs : others).push(step)
    await breathe()
  }
  return [...dirs, ...others, ...removals]
}
