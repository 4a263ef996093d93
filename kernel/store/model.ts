/**
 * The naive model that stores are held against: a set of intentions with explicit sets of ancestors, judged and folded
 * over the whole set at once, with no caches, no order of arrival and none of the production code's shortcuts.
 */
import { bytesToHex, compareBytes, type Hash, type PublicKey } from '../core/bytes.ts'

export type ModelOp =
  | { readonly kind: 'none' }
  | { readonly kind: 'write'; readonly key: string; readonly value: string | undefined; readonly keep: readonly Hash[] }
  /** `positions`: by store name. `rank` 0: a revocation. */
  | { readonly kind: 'member'; readonly device: string; readonly rank: number; readonly positions: Record<string, number>; readonly giving: boolean }

export interface ModelIntention {
  readonly hash: Hash
  readonly author: PublicKey
  readonly device: string
  readonly seq: number
  readonly hlc: bigint
  readonly op: ModelOp
  /** Strict ancestors. */
  readonly past: ReadonlySet<ModelIntention>
}

type Event = ModelIntention & { readonly op: Extract<ModelOp, { kind: 'member' }> }

/** One authority, by the words of docs/spec/authority.md. */
export class ModelAuthority {
  readonly #founder: string
  readonly #events: readonly Event[]
  readonly #name: string

  constructor(name: string, founder: string, all: readonly ModelIntention[]) {
    this.#name = name
    this.#founder = founder
    this.#events = all.filter((intention): intention is Event => intention.op.kind === 'member')
  }

  #closes(closing: Event, open: Event): boolean {
    if (open === closing || open.past.has(closing) || !this.wasAdmin(closing)) return false
    const overruled = !closing.past.has(open) && open.device === this.#founder && closing.device !== this.#founder
    return !overruled
  }

  wasAdmin(intention: ModelIntention): boolean {
    if (intention.device === this.#founder) return true
    const about = this.#events.filter((e) => e.op.device === intention.device && intention.past.has(e))
    return about.some(
      (open) =>
        open.op.rank === 3 &&
        this.wasAdmin(open) &&
        !about.some((closing) => closing.op.rank < 3 && this.#closes(closing, open)),
    )
  }

  #end(open: Event, level: number, store: string): number {
    const ends = this.#events
      .filter((e) => e.op.device === open.op.device && e.op.rank < level && this.#closes(e, open))
      .map((e) => e.op.positions[store] ?? 0)
    return Math.min(Infinity, ...ends)
  }

  #opens(event: Event): boolean {
    return this.wasAdmin(event) && !this.isCut(event)
  }

  isCut(at: ModelIntention): boolean {
    if (at.device === this.#founder) return false
    return !this.#events.some(
      (open) =>
        open.op.device === at.device &&
        open.op.rank === 3 &&
        at.past.has(open) &&
        this.#opens(open) &&
        at.seq <= this.#end(open, 3, this.#name),
    )
  }

  may(device: string, seq: number, store: string, level: number): boolean {
    if (device === this.#founder) return true
    return this.#events.some(
      (open) =>
        open.op.device === device &&
        open.op.rank >= level &&
        seq > (open.op.positions[store] ?? 0) &&
        this.#opens(open) &&
        seq <= this.#end(open, level, store),
    )
  }
}

/** Key → standing heads in winning order, as `hash=value`. */
export const modelCells = (counted: readonly ModelIntention[]): Map<string, string[]> => {
  const cells = new Map<string, string[]>()
  const writes = counted.filter((i) => i.op.kind === 'write')
  for (const write of writes) {
    const { key, value } = write.op as Extract<ModelOp, { kind: 'write' }>
    const replaced = writes.some((later) => {
      const op = later.op as Extract<ModelOp, { kind: 'write' }>
      return op.key === key && later.past.has(write) && !op.keep.some((kept) => compareBytes(kept, write.hash) === 0)
    })
    if (!replaced) cells.set(key, [...(cells.get(key) ?? []), `${bytesToHex(write.hash)}=${value}`])
  }
  const byHash = new Map(writes.map((write) => [bytesToHex(write.hash) as string, write]))
  const of = (head: string) => byHash.get(head.slice(0, 64))!
  for (const heads of cells.values())
    heads.sort((x, y) => {
      const [a, b] = [of(x), of(y)]
      if (a.hlc !== b.hlc) return a.hlc > b.hlc ? -1 : 1
      return compareBytes(b.author, a.author) || compareBytes(b.hash, a.hash)
    })
  return cells
}
