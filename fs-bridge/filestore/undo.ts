/**
 * Bringing a settled conflict back. What the ops that settled it touched is remembered as it was, and written again:
 * the losers first, the winner last, so that it wins again. A write follows all its author has seen, so each further
 * head of a cell is a write that keeps those before it.
 */
import type { FileOp } from '#proto/file'
import { bytesToHex, equalBytes, type Hash, type HexKey } from '#kernel/core/bytes.ts'
import type { StateReader } from '#kernel/state/port.ts'
import { inodeState, openLinks, shownContents } from './inode.ts'
import { trashAppearances } from './intents.ts'
import { fileOp } from './ops.ts'
import type { Conflict, ContentValue, Inode } from './port.ts'
import type { Tree } from './tree.ts'
import { contentKey, isTrash, linkKey, type LinkValue } from './values.ts'

/** An inode that the settling touched, as it was before. */
interface Touched {
  readonly inode: Inode
  /** It was made by the settling. */
  readonly made: boolean
  /** What it held and where it hung, best first; empty where that was not touched. */
  readonly contents: readonly ContentValue[]
  readonly links: readonly LinkValue[]
  /** The heads of both its cells. */
  readonly heads: readonly Hash[]
}

export interface Remembered {
  /** In the order of the conflict's heads, the winner first. */
  readonly sides: readonly Touched[]
  /** What else went with them: what hid behind a side, what was in a directory, what was made. */
  readonly others: readonly Touched[]
}

/** So many fit into one batch. */
const OTHERS_AT_ONCE = 32

/** One intention of an undo, made on the state it follows. */
export type UndoStep = (tree: Tree) => FileOp[]

const isOneOf = (hashes: readonly Hash[], hash: Hash): boolean => hashes.some((each) => equalBytes(each, hash))

const headsOf = (state: StateReader, inode: Inode): Hash[] =>
  [linkKey(inode), contentKey(inode)].flatMap((key) => (state.cells.cell(key)?.heads ?? []).map(({ hash }) => hash))

const remember = (state: StateReader, inode: Inode, ops: readonly FileOp[], placed: boolean): Touched => {
  const found = inodeState(state.cells, inode)
  if (found === undefined) return { inode, made: true, contents: [], links: [], heads: [] }
  const holds = ops.some(({ link, content }) => content !== undefined || (link !== undefined && isTrash(link.parent)))
  const hangs = placed || ops.some(({ link }) => link !== undefined)
  return {
    inode,
    made: false,
    contents: holds ? shownContents(state.cells, found).map(({ content }) => content) : [],
    links: hangs ? openLinks(found).map(({ link }) => link) : [],
    heads: headsOf(state, inode),
  }
}

/** To be called on the state before the ops. */
export const rememberTouched = (state: StateReader, conflict: Conflict, ops: readonly FileOp[]): Remembered => {
  const opsOf = new Map<HexKey, FileOp[]>()
  for (const op of ops) {
    const id = bytesToHex(op.inode)
    opsOf.set(id, [...(opsOf.get(id) ?? []), op])
  }
  // The latest link keeps a name: who kept it is placed last, although nothing had moved him.
  const placed = conflict.kind === 'name'
  const sides = new Map(conflict.heads.map(({ inode }) => [bytesToHex(inode), inode]))
  const others = [...opsOf].filter(([id]) => !sides.has(id))
  return {
    sides: [...sides].map(([id, inode]) => remember(state, inode, opsOf.get(id) ?? [], placed)),
    others: others.map(([, about]) => remember(state, about[0]!.inode as Inode, about, false)),
  }
}

const isUntouched = (state: StateReader, { inode, heads }: Touched, settlings: readonly Hash[]): boolean =>
  headsOf(state, inode).every((hash) => isOneOf(settlings, hash) || isOneOf(heads, hash))

/** Nobody but the settling itself, which may be several intentions, has written to what it touched. */
export const isUntouchedSince = (
  state: StateReader,
  { sides, others }: Remembered,
  settlings: readonly Hash[],
): boolean => [...sides, ...others].every((touched) => isUntouched(state, touched, settlings))

/** Of the ops that are still to be written those about what nobody has written to meanwhile. */
export const stillMeant = (
  state: StateReader,
  { sides, others }: Remembered,
  settlings: readonly Hash[],
  ops: readonly FileOp[],
): FileOp[] => {
  const touchedBy = new Map([...sides, ...others].map((touched) => [bytesToHex(touched.inode), touched]))
  return ops.filter((op) => {
    const touched = touchedBy.get(bytesToHex(op.inode))
    return touched !== undefined && isUntouched(state, touched, settlings)
  })
}

/** All contents that an undo writes, which must be here. */
export const contentsToRestore = ({ sides, others }: Remembered): readonly ContentValue[] =>
  [...others, ...sides].flatMap(({ contents }) => contents)

/** What is in the cell by now and was not there then stays: written by this undo, or not known to who asked for it. */
const newHeads = (state: StateReader, key: Uint8Array, known: readonly Hash[]): Hash[] =>
  (state.cells.cell(key)?.heads ?? []).map(({ hash }) => hash).filter((hash) => !isOneOf(known, hash))

/** The `rank`th write of those that bring an inode back. */
const writeOf = (tree: Tree, touched: Touched, rank: number, settlings: readonly Hash[]): FileOp[] => {
  const { inode, made, heads } = touched
  if (made) return rank === 0 ? trashAppearances(tree, tree.appearances(inode)) : []
  const content = touched.contents.at(-1 - rank)
  const link = touched.links.at(-1 - rank)
  if (!content && !link) return []
  const known = [...heads, ...settlings]
  return [
    fileOp(inode, {
      ...(content && { content, keepContent: newHeads(tree.state, contentKey(inode), known) }),
      ...(link && { link, keepLink: newHeads(tree.state, linkKey(inode), known) }),
    }),
  ]
}

const ranksOf = ({ made, contents, links }: Touched): number => (made ? 1 : Math.max(contents.length, links.length))

/** One after the other. */
export const undoSteps = ({ sides, others }: Remembered, settlings: readonly Hash[]): readonly UndoStep[] => {
  const steps: UndoStep[] = []
  for (let from = 0; from < others.length; from += OTHERS_AT_ONCE) {
    const some = others.slice(from, from + OTHERS_AT_ONCE)
    const ranks = Math.max(...some.map(ranksOf))
    for (let rank = 0; rank < ranks; rank++)
      steps.push((tree) => some.flatMap((each) => writeOf(tree, each, rank, settlings)))
  }
  for (const side of [...sides].reverse())
    for (let rank = 0; rank < ranksOf(side); rank++) steps.push((tree) => writeOf(tree, side, rank, settlings))
  return steps
}
