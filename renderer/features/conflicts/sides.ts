/** The bytes of the sides of a conflict: reading them whole, and finding out how they can be compared. */
import type { Client } from '@connectrpc/connect'
import type { ConflictService, ConflictSide, GetConflictResponse } from '#proto/conflict_api'

/** Texts up to here are compared line by line; what is larger is told apart by facts. Bytes. */
export const TEXT_BYTES_MAX = 512 * 1024
/** Pictures up to here are shown. Bytes. */
export const IMAGE_BYTES_MAX = 32 * 1024 * 1024

/** Formats every browser draws and none runs code for. SVG stays text. */
const drawable = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif', 'image/bmp'])

export type Comparison = { as: 'text' } | { as: 'image' } | { as: 'facts'; because: FactsReason }
export type FactsReason = 'deleted' | 'place' | 'elsewhere' | 'large' | 'binary' | 'target'

/** How two sides can be compared; `facts` says why not better. */
export function comparisonOf(
  { conflict, base }: Pick<GetConflictResponse, 'conflict' | 'base'>,
  left: ConflictSide,
  right: ConflictSide,
): Comparison {
  if (conflict?.kind !== 'content' && conflict?.kind !== 'name') return { as: 'facts', because: 'place' }
  const isDeleted = (side: ConflictSide): boolean =>
    conflict.heads.some((head) => head.deleted && equalBytes(head.hash, side.hash))
  if (isDeleted(left) || isDeleted(right)) return { as: 'facts', because: 'deleted' }
  if (conflict.heads.some(({ target }) => target !== '')) return { as: 'facts', because: 'target' }
  if (!left.here || !right.here) return { as: 'facts', because: 'elsewhere' }
  if (drawable.has(left.type) && drawable.has(right.type))
    return left.size <= IMAGE_BYTES_MAX && right.size <= IMAGE_BYTES_MAX
      ? { as: 'image' }
      : { as: 'facts', because: 'large' }
  if (!left.type.startsWith('text/') || !right.type.startsWith('text/')) return { as: 'facts', because: 'binary' }
  const all = base?.here ? [left, right, base] : [left, right]
  return all.every((side) => side.size <= TEXT_BYTES_MAX) ? { as: 'text' } : { as: 'facts', because: 'large' }
}

export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, at) => byte === b[at])

/** All bytes of one side. Undefined when it turns out longer than `bytesMax`: the node said otherwise before. */
export async function readSide(
  client: Client<typeof ConflictService>,
  id: string,
  hash: Uint8Array,
  bytesMax: number,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const { data } of client.readSide({ id, hash }, { signal })) {
    length += data.length
    if (length > bytesMax) return undefined
    pieces.push(data)
  }
  const bytes = new Uint8Array(length)
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}

/** The text of bytes, from which the same bytes can be made again; undefined when they are no text. */
export function asText(bytes: Uint8Array): string | undefined {
  if (bytes.includes(0)) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined // not UTF-8: a fact about the file, not a failure
  }
}

/**
 * What separates lines in an editor so that its text stays what it was: "\r\n" only where every line ends like that,
 * else "\n", and a lone "\r" is a character like others.
 */
export const lineSeparatorOf = (text: string): '\n' | '\r\n' => {
  const breaks = text.match(/\r?\n/g)
  return breaks !== null && breaks.every((each) => each === '\r\n') ? '\r\n' : '\n'
}
