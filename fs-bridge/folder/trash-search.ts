/**
 * What a change from elsewhere deleted or replaced here, a later one, whose author did not know of it, brings back: then
 * the trash may be the only place that has it.
 */
import type { ContentValue, Inode, Visible } from '../filestore/port.ts'
import type { Tree } from '../filestore/tree.ts'
import { RefusedError } from './failures.ts'
import { inSlices } from './slices.ts'
import { takeFromTrash, TrashPace, type TrashSources } from './trash-content.ts'

export class TrashSearch {
  readonly #sources: TrashSources
  readonly #tree: Tree
  readonly #pace = new TrashPace()

  constructor(sources: TrashSources, tree: Tree) {
    this.#sources = sources
    this.#tree = tree
  }

  /** Something is missing that the trash may have. */
  want(): void {
    this.#pace.want()
  }

  get isDue(): boolean {
    return this.#pace.isDue
  }

  /** Looks for what these inodes show, when it is due. True: some of it was there, and is kept now. */
  search(inodes: Iterable<Inode>, signal: AbortSignal): Promise<boolean> {
    return this.#pace.during(async () => {
      const wanted: ContentValue[] = []
      for await (const inode of inSlices(inodes, signal))
        for (const { content } of this.#tree.appearances(inode))
          if (content && content.data.kind !== 'inline') wanted.push(content)
      return (await this.#missing(wanted, signal)).length < wanted.length
    })
  }

  /** Those of which the trash has nothing either; the content of the others is kept now. */
  async lost(visibles: readonly Visible[], signal: AbortSignal): Promise<readonly Visible[]> {
    const contents = visibles.flatMap(({ content }) => (content ? [content] : []))
    const missing = await this.#missing(contents, signal)
    return visibles.filter(({ content }) => !content || missing.includes(content))
  }

  async #missing(wanted: readonly ContentValue[], signal: AbortSignal): Promise<readonly ContentValue[]> {
    if (wanted.length === 0) return wanted
    const missing = await takeFromTrash(this.#sources, wanted, signal)
    if (!missing.ok) throw new RefusedError(missing.error.kind, missing.error.message)
    signal.throwIfAborted()
    return missing.value
  }
}
