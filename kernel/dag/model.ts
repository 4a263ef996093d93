/** For tests: random histories, and a naive model that answers from explicit sets of ancestors. */
import { bytesToHex, compareBytes, type Hash, type HexKey } from '../core/bytes.ts'
import { tick } from '../core/hlc.ts'
import { createSigner } from '../core/identity.ts'
import { signIntention, type VerifiedIntention } from '../core/intention.ts'
import { InvariantError } from '../core/result.ts'
import type { Signer } from '../core/signing.ts'
import type { Dot } from './port.ts'

export const NOW_MS = 1_700_000_000_000

/** A device with what it knows. Two replicas of one signer are a device and its restored backup. */
interface Replica {
  readonly signer: Signer
  readonly known: Set<VerifiedIntention>
}

export const testSigner = (n: number): Signer => createSigner(new Uint8Array(32).fill(n + 1))

const genesisOps = (nonce: number): Uint8Array =>
  Uint8Array.from([
    0x0a,
    27,
    0x0a,
    7,
    ...new TextEncoder().encode('core:kv'),
    0x12,
    16,
    ...new Array<number>(16).fill(nonce),
  ])

const signed = (draft: Parameters<typeof signIntention>[0], signer: Signer): VerifiedIntention => {
  const result = signIntention(draft, signer)
  if (!result.ok) throw new InvariantError(result.error.message)
  return result.value
}

export const genesis = (signer: Signer, nonce = 0): VerifiedIntention =>
  signed(
    { storeId: undefined, seq: 1, prev: undefined, deps: [], hlc: tick(NOW_MS, [])!, ops: genesisOps(nonce) },
    signer,
  )

export const parentsOf = ({ prev, deps }: VerifiedIntention): readonly Hash[] => (prev ? [prev, ...deps] : deps)

const headsOf = (known: Iterable<VerifiedIntention>): VerifiedIntention[] => {
  const all = [...known]
  const followed = new Set(all.flatMap((x) => parentsOf(x).map(bytesToHex)))
  return all.filter((x) => !followed.has(bytesToHex(x.hash))).sort((a, b) => compareBytes(a.hash, b.hash))
}

/** What the replica would write next: on top of its own last and of every other head it knows. */
export const writeNext = (
  signer: Signer,
  known: Iterable<VerifiedIntention>,
  nowMs: number,
  ops = new Uint8Array(),
) => {
  const all = [...known]
  const own = all.filter((x) => compareBytes(x.author, signer.publicKey) === 0)
  const prev = own.sort((a, b) => b.seq - a.seq || compareBytes(a.hash, b.hash))[0]
  const others = headsOf(all).filter((head) => head !== prev)
  const parents = prev ? [prev, ...others] : others
  const draft = {
    storeId: all[0]!.storeId,
    seq: (prev?.seq ?? 0) + 1,
    prev: prev?.hash,
    deps: others.map((head) => head.hash),
    hlc: tick(
      nowMs,
      parents.map((parent) => parent.hlc),
    )!,
    ops,
  }
  return signed(draft, signer)
}

/** One step: replica `who` writes after it has learnt all that `from` knows (or nothing new). */
export interface Step {
  readonly who: number
  readonly from: number
  readonly learn: boolean
}

/** `replicas[i]` is the number of the signer of replica i; a number that occurs twice is a forked author. */
export const history = (replicas: readonly number[], steps: readonly Step[]): VerifiedIntention[] => {
  const first = genesis(testSigner(replicas[0]!))
  const world: Replica[] = replicas.map((n) => ({ signer: testSigner(n), known: new Set([first]) }))
  const all = [first]
  steps.forEach(({ who, from, learn }, i) => {
    const replica = world[who % world.length]!
    if (learn) for (const x of world[from % world.length]!.known) replica.known.add(x)
    // The ops make two branches of one author differ.
    const next = writeNext(replica.signer, replica.known, NOW_MS + i, Uint8Array.of(0x1a, 1, i))
    replica.known.add(next)
    all.push(next)
  })
  return all
}

export const dotOf = ({ hash, author, seq, hlc }: VerifiedIntention): Dot => ({ hash, author, seq, hlc })

/** Answers by brute force for a set of intentions that is closed under parents. */
export class Model {
  readonly byHash: Map<HexKey, VerifiedIntention>
  readonly past = new Map<HexKey, Set<HexKey>>()

  constructor(all: readonly VerifiedIntention[]) {
    this.byHash = new Map(all.map((x) => [bytesToHex(x.hash), x]))
    for (const x of all) this.#pastOf(bytesToHex(x.hash))
  }

  heads(): HexKey[] {
    return headsOf(this.byHash.values()).map((x) => bytesToHex(x.hash))
  }

  isAncestor(a: HexKey, b: HexKey): boolean {
    return this.past.get(b)!.has(a)
  }

  vector(): Map<HexKey, number> {
    const vector = new Map<HexKey, number>()
    for (const { author, seq } of this.byHash.values())
      vector.set(bytesToHex(author), Math.max(seq, vector.get(bytesToHex(author)) ?? 0))
    return vector
  }

  forkedAuthors(): Set<HexKey> {
    const seen = new Set<string>()
    const forked = new Set<HexKey>()
    for (const { author, seq } of this.byHash.values()) {
      const slot = `${bytesToHex(author)}/${seq}`
      if (seen.has(slot)) forked.add(bytesToHex(author))
      seen.add(slot)
    }
    return forked
  }

  /** Common to all, and in no other common one's past. */
  fork(of: readonly HexKey[]): Set<HexKey> {
    const common = [...this.byHash.keys()].filter((x) => of.every((head) => this.isAncestor(x, head)))
    return new Set(common.filter((x) => !common.some((y) => y !== x && this.isAncestor(x, y))))
  }

  own(head: HexKey, of: readonly HexKey[]): Set<HexKey> {
    return new Set([...this.past.get(head)!].filter((x) => !of.every((other) => this.isAncestor(x, other))))
  }

  path(a: HexKey, b: HexKey): Set<HexKey> {
    return new Set([...this.past.get(b)!].filter((x) => x !== a && this.isAncestor(a, x)))
  }

  generation(x: HexKey): number {
    const parents = parentsOf(this.byHash.get(x)!)
    return parents.reduce((most, parent) => Math.max(most, 1 + this.generation(bytesToHex(parent))), 0)
  }

  #pastOf(x: HexKey): Set<HexKey> {
    const known = this.past.get(x)
    if (known) return known
    const past = new Set([x])
    for (const parent of parentsOf(this.byHash.get(x)!)) for (const y of this.#pastOf(bytesToHex(parent))) past.add(y)
    this.past.set(x, past)
    return past
  }
}

/** The same author says something else: for histories that no honest device writes. */
export const resigned = (
  { storeId, seq, prev, deps, hlc, ops, author }: VerifiedIntention,
  change: Partial<Parameters<typeof signIntention>[0]>,
): VerifiedIntention => {
  const signer = Array.from({ length: 8 }, (_, n) => testSigner(n)).find((s) => compareBytes(s.publicKey, author) === 0)
  if (!signer) throw new InvariantError('not an author of the model')
  return signed({ storeId, seq, prev, deps, hlc, ops, ...change }, signer)
}
