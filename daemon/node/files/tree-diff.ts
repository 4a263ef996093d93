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

const ENTRIES_AT_ONCE = 500

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

type StandingByInode = ReadonlyMap<string, Standing>

const standing = (state: StateReader, { inode, kind }: Pick<Entry, 'inode' | 'kind'>, place: Place, path: string) => {
  const found = inodeState(state.cells, inode)
  const shown = found ? shownContents(state.cells, found) : []
  return { inode, kind, place, path, content: shown[0]?.content, contents: shown.length }
}

/** All that stands at a path and below, parents first; also what is hidden behind its like. Empty: nothing is there. */
const standingAt = async (tree: Tree, path: string, breathe: Breathe): Promise<StandingByInode> => {
  const found = new Map<string, Standing>()
  const top = tree.resolve(path)
  if (top === undefined) return found
  const dirs: { readonly inode: Inode; readonly path: string }[] = []
  const add = (each: Standing): void => {
    found.set(bytesToHex(each.inode), each)
    if (each.kind === 'dir') dirs.push(each)
  }
  for (const inode of top.kind === 'dir' ? tree.merged(top.inode) : [top.inode]) {
    const state = isRoot(inode) ? undefined : inodeState(tree.state.cells, inode)
    const place = state && livingPlace(tree.state, state)
    if (place) add(standing(tree.state, { inode, kind: top.kind }, place, path))
    else if (isRoot(inode)) dirs.push({ inode, path: '' })
  }
  for (let at = 0; at < dirs.length; at++) {
    const dir = dirs[at]!
    for (let after: string | undefined = ''; after !== undefined;) {
      const snapshot: StateReader = new StateSnapshot(tree.state)
      const some = takeSome(entriesOf(snapshot.derived, dir.inode, after))
      for (const entry of some.entries) {
        const { name } = entry
        const below = dir.path === '' ? name : `${dir.path}/${name}`
        add(standing(snapshot, entry, { parent: dir.inode, name }, below))
      }
      after = some.last
      await breathe()
    }
  }
  return found
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

const isLike = (a: Standing, b: Standing): boolean =>
  a.kind === b.kind && (a.kind === 'dir' || (sameContent(a.content, b.content) && b.contents === 1))

/** What was and is no more: it comes back, unless something like it has its place. */
const comeBack = (now: Tree, was: Standing, anew: ReadonlyMap<string, Standing>): Step | undefined => {
  const like = anew.get(was.path)
  if (like && isLike(was, like)) return undefined
  const { inode, kind, path, place, content } = was
  return { inode, kind, path, restored: true, place, content, removed: false, seen: lookAtHeads(now.state, inode) }
}

/** What was and is: it goes back to its place and gets its content back, as far as they differ. */
const goBack = (now: Tree, was: Standing, is: Standing): Step | undefined => {
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
    seen: lookAtHeads(now.state, inode),
  }
}

/** What is and was not there: it goes to where it was, else to trash, unless it is like what was there. */
const goAway = (then: Tree, now: Tree, is: Standing, before: ReadonlyMap<string, Standing>): Step | undefined => {
  const { inode, kind, path } = is
  const seen = lookAtHeads(now.state, inode)
  const state = inodeState(then.state.cells, inode)
  const elsewhere = state && livingPlace(then.state, state)
  const place = elsewhere && pathOfPlace(then.state, elsewhere) !== undefined ? elsewhere : undefined
  if (place) {
    const moved = pathOfPlace(then.state, place)!
    return { inode, kind, path: moved, restored: false, place, content: undefined, removed: false, seen }
  }
  const like = before.get(path)
  if (like && isLike(like, is)) return undefined
  return { inode, kind, path, restored: false, place: undefined, content: undefined, removed: true, seen }
}

const placedNow = (now: Tree, { inode, kind }: Standing): Standing | undefined => {
  const state = inodeState(now.state.cells, inode)
  const place = state && livingPlace(now.state, state)
  const path = place && pathOfPlace(now.state, place)
  return path === undefined ? undefined : standing(now.state, { inode, kind }, place!, path)
}

const isKept = (step: Step | undefined): step is Step => step !== undefined

/** Undefined: nothing stood at the path then. Directories come before what goes into them, removals last. */
export const diffTrees = async (
  then: Tree,
  now: Tree,
  path: string,
  breathe: Breathe,
): Promise<readonly Step[] | undefined> => {
  if (then.resolve(path) === undefined) return undefined
  const before = await standingAt(then, path, breathe)
  const present = await standingAt(now, path, breathe)
  const gone = new Map<string, Standing>()
  const anew = new Map<string, Standing>()
  for (const [hex, is] of present) if (!before.has(hex)) anew.set(is.path, is)
  const steps: (Step | undefined)[] = []
  for (const [hex, was] of before) {
    const is = present.get(hex) ?? placedNow(now, was)
    if (!is) gone.set(was.path, was)
    steps.push(is ? goBack(now, was, is) : comeBack(now, was, anew))
    await breathe()
  }
  for (const [hex, is] of present) {
    if (!before.has(hex)) steps.push(goAway(then, now, is, gone))
    await breathe()
  }
  const done = steps.filter(isKept)
  const rank = ({ kind, removed }: Step): number => (removed ? 2 : kind === 'dir' ? 0 : 1)
  return [0, 1, 2].flatMap((wanted) => done.filter((step) => rank(step) === wanted))
}
