/**
 * Makes a directory, or a whole folder, what it was at a time, by new intentions: what they replace stays in the
 * history like anything else, and can be restored in turn. Content is made sure of before anything names it; what
 * nobody has any more stays as it is and is reported. What came in meanwhile and was not compared stays beside it.
 */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { FileOp } from '#proto/file'
import type { RestoreTreeResponseSchema } from '#proto/file_api'
import type { Cas } from '#kernel/cas/cas.ts'
import { manifestChunks } from '#kernel/cas/manifest-parts.ts'
import type { Cid, StoreId } from '#kernel/core/bytes.ts'
import { ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import { contentHeads, inodeState } from '#fs-bridge/filestore/inode.ts'
import { editOp, fileOp, moveOp, trashOp } from '#fs-bridge/filestore/ops.ts'
import { effectivePlace } from '#fs-bridge/filestore/placement.ts'
import type { ContentValue } from '#fs-bridge/filestore/port.ts'
import type { Tree } from '#fs-bridge/filestore/tree.ts'
import type { FileContents, FolderEntry } from '../parts.ts'
import type { Step } from './tree-diff.ts'
import { unseenHeads, writeInBatches } from './writing.ts'

/** Contents made sure of, and so kept from being collected, at a time. */
const SECURED_AT_ONCE = 100
const PATHS_MAX = 100

type Response = MessageInitShape<typeof RestoreTreeResponseSchema>

/** Counts what is done, or would be. */
class Tally {
  restored = 0
  reverted = 0
  moved = 0
  removed = 0
  readonly missing: string[] = []
  readonly sample: string[] = []

  add({ restored, content, place, removed, path }: Step): void {
    if (restored) this.restored++
    else if (removed) this.removed++
    else {
      if (content) this.reverted++
      if (place) this.moved++
    }
    if (this.sample.length < PATHS_MAX) this.sample.push(path)
  }

  addMissing(path: string): void {
    if (this.missing.length < PATHS_MAX) this.missing.push(path)
  }

  get response(): Response {
    const { restored, reverted, moved, removed, missing, sample } = this
    return { restored, reverted, moved, removed, missing, sample }
  }
}

export const previewSteps = (steps: readonly Step[]): Response => {
  const tally = new Tally()
  for (const step of steps) tally.add(step)
  return tally.response
}

const opsFor = (tree: Tree, { inode, kind, place, content, restored, removed, seen }: Step): readonly FileOp[] => {
  const { state } = tree
  const found = inodeState(state.cells, inode)
  if (found === undefined || found.kind !== kind) return []
  const keep = unseenHeads(state, inode, seen)
  const from = effectivePlace(state.derived, found)
  if (removed) return [trashOp(inode, kind, from, contentHeads(state.cells, found)[0]?.content, keep)]
  if (restored && place)
    return [
      fileOp(inode, {
        link: { parent: place.parent, name: place.name, kind, replaced: from },
        ...(content && { content, keepContent: keep.content }),
        keepLink: keep.link,
      }),
    ]
  return [
    ...(place ? [moveOp(inode, kind, from, place, keep.link)] : []),
    ...(content ? [editOp(inode, content, keep.content)] : []),
  ]
}

/**
 * Chunks that lie in a file of the user's alone become chunks of our own: that very file may be about to be replaced.
 */
const keepOwn = async (cas: Cas, id: StoreId, { data, size }: ContentValue): Promise<Result<void, LatticeError>> => {
  const keep = async (cid: Cid): Promise<Result<void, LatticeError>> => {
    if (cas.stored.has(id, cid)) return ok(undefined)
    const bytes = await cas.read(id, cid)
    return bytes.ok ? cas.write(id, [{ cid, bytes: bytes.value }]) : bytes
  }
  if (data.kind === 'inline') return ok(undefined)
  const lists = data.kind === 'chunks' ? [ok(data.chunks)] : manifestChunks(data.cid, size, (cid) => cas.read(id, cid))
  for await (const chunks of lists) {
    if (!chunks.ok) return chunks
    for (const { cid } of chunks.value) {
      const kept = await keep(cid)
      if (!kept.ok) return kept
    }
  }
  return ok(undefined)
}

export const takeSteps = async (
  { cas, contents }: { readonly cas: Cas; readonly contents: FileContents },
  entry: FolderEntry,
  steps: readonly Step[],
  signal: AbortSignal,
): Promise<Result<Response, LatticeError>> => {
  const { store } = entry
  const tally = new Tally()
  for (let at = 0; at < steps.length; at += SECURED_AT_ONCE) {
    using secured = new DisposableStack()
    const ready: Step[] = []
    for (const step of steps.slice(at, at + SECURED_AT_ONCE)) {
      signal.throwIfAborted()
      if (step.content && step.kind === 'file') {
        const here = await contents.secure(entry, step.content, signal)
        if (here.ok) secured.use(here.value)
        if (!here.ok || !(await keepOwn(cas, store.id, step.content)).ok) {
          tally.addMissing(step.path)
          continue
        }
      }
      ready.push(step)
    }
    const done = await writeInBatches(store, ready, opsFor, (step) => tally.add(step))
    if (!done.ok) return done
  }
  return ok(tally.response)
}
