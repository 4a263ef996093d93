/** What an intention said of a file, whether or not that still stands. */
import { fromBinary } from '@bufbuild/protobuf'
import { UniversalOpSchema } from '#proto/intention'
import { equalBytes, type Hash } from '#kernel/core/bytes.ts'
import type { DagReader } from '#kernel/dag/port.ts'
import { contentOf, decodeOps } from '../filestore/ops.ts'
import type { ContentValue, Inode } from '../filestore/port.ts'

/** `head` is one that stood once, so its operations are sound. Undefined: it is not kept any more, or said nothing of it. */
export const contentSaid = (dag: Pick<DagReader, 'get'>, head: Hash, inode: Inode): ContentValue | undefined => {
  const written = dag.get(head)
  if (!written) return undefined
  const { op } = fromBinary(UniversalOpSchema, written.ops)
  if (op.case !== 'app') return undefined
  // Of two writes to one cell in one intention the later stands.
  const content = decodeOps(op.value).ops.findLast((one) => one.content && equalBytes(one.inode, inode))?.content
  return content && contentOf(content)
}
