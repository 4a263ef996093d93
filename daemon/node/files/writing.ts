/** Many changes of files as few intentions, each all or nothing, each worked out on the state it follows. */
import { toBinary } from '@bufbuild/protobuf'
import { FileOpSchema, type FileOp } from '#proto/file'
import { bytesToHex, equalBytes, type Hash } from '#kernel/core/bytes.ts'
import { ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { StateReader } from '#kernel/state/port.ts'
import { StateSnapshot } from '#kernel/state/snapshot.ts'
import type { Store } from '#kernel/store/port.ts'
import { contentHeads, inodeState } from '#fs-bridge/filestore/inode.ts'
import { BATCH_BYTES_MAX, packOps } from '#fs-bridge/filestore/ops.ts'
import type { Inode } from '#fs-bridge/filestore/port.ts'
import { openTree, type Tree } from '#fs-bridge/filestore/tree.ts'
import { deviceNameIn } from '../lookup.ts'

/** Things changed in one intention: an intention holds up the event loop for as long as it takes to be applied. */
const ITEMS_MAX = 200
/** What frames an op in a batch. */
const FRAME_BYTES = 5

/**
 * Says what `opsFor` makes of each item, in order. An item without ops by then is left out. Returns those that were
 * written; after a failure what was written before stays, and is told by `written`.
 */
export const writeInBatches = async <T>(
  store: Store,
  items: readonly T[],
  opsFor: (tree: Tree, item: T) => readonly FileOp[],
  written: (item: T) => void,
): Promise<Result<void, LatticeError>> => {
  for (let from = 0; from < items.length;) {
    let end = from
    let done: T[] = []
    const submitted = await store.submit((state) => {
      const tree = openTree(new StateSnapshot(state), deviceNameIn(store.access))
      const ops: FileOp[] = []
      let bytes = 0
      done = []
      for (end = from; end < items.length && end - from < ITEMS_MAX; end++) {
        const item = items[end]!
        const some = opsFor(tree, item)
        const length = some.reduce((sum, op) => sum + FRAME_BYTES + toBinary(FileOpSchema, op).length, 0)
        if (bytes + length > BATCH_BYTES_MAX && end > from) break
        bytes += length
        ops.push(...some)
        if (some.length > 0) done.push(item)
      }
      const [app] = packOps(ops)
      return app && { app }
    })
    if (!submitted.ok) return submitted
    done.forEach(written)
    from = end
  }
  return ok(undefined)
}

/** All that stood of an inode when somebody looked: hashes in hex. */
export interface SeenHeads {
  readonly links: readonly string[]
  readonly contents: readonly string[]
}

const hexes = (hashes: readonly Hash[]): readonly string[] => hashes.map((hash) => bytesToHex(hash))

const headsOf = ({ cells }: StateReader, inode: Inode): { readonly links: Hash[]; readonly contents: Hash[] } => {
  const found = inodeState(cells, inode)
  return {
    links: found ? found.links.map(({ head }) => head.hash) : [],
    contents: found ? contentHeads(cells, found).map(({ head }) => head.hash) : [],
  }
}

export const lookAtHeads = (state: StateReader, inode: Inode): SeenHeads => {
  const { links, contents } = headsOf(state, inode)
  return { links: hexes(links), contents: hexes(contents) }
}

/** What came since then, and is kept: whoever writes now has not seen it. */
export const unseenHeads = (
  state: StateReader,
  inode: Inode,
  seen: SeenHeads,
): { readonly link: Hash[]; readonly content: Hash[] } => {
  const { links, contents } = headsOf(state, inode)
  return {
    link: links.filter((hash) => !seen.links.includes(bytesToHex(hash))),
    content: contents.filter((hash) => !seen.contents.includes(bytesToHex(hash))),
  }
}

export const isSamePlace = (
  a: { readonly parent: Uint8Array; readonly name: string },
  b: { readonly parent: Uint8Array; readonly name: string },
): boolean => a.name === b.name && equalBytes(a.parent, b.parent)
