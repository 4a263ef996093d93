/**
 * Intentions: the bytes, and the way from untrusted bytes to a verified value.
 *
 *   bytes → parseIntention → Unverified → verifyIntention → Verified     draft → signIntention → Verified
 *
 * The encoding is protobuf (proto/lattice/v1/intention.proto) restricted to one form per value, so that an intention
 * has one hash: fields in ascending order, none twice, none unknown, defaults left out, varints minimal. It is parsed
 * by hand: a protobuf library accepts every other form too. docs/spec/intention.md fixes the bytes.
 */
import {
  compareBytes,
  concatBytes,
  equalBytes,
  type Branded,
  type Hash,
  type PublicKey,
  type Signature,
  type StoreId,
} from './bytes.ts'
import { taggedHash } from './hash.ts'
import { HLC_MAX } from './hlc.ts'
import { err, InvariantError, latticeError, ok, type LatticeError, type Result } from './result.ts'
import type { Signer, Verifier } from './signing.ts'
import { ByteReader, MalformedError, varintBytes } from './wire.ts'

export const OPS_BYTES_MAX = 128 * 1_024
export const DEPS_MAX = 16
export const SEQ_MAX = Number.MAX_SAFE_INTEGER
/** Everything around the ops, generously: 3 hashes, 16 deps, numbers, signature. */
export const SIGNED_BYTES_MAX = OPS_BYTES_MAX + 1_024
export const TYPE_BYTES_MAX = 64
export const NONCE_LENGTH = 16

const hashBody = taggedHash('lattice/intention/v1')

/** What an author says, before it is signed. */
export interface Draft {
  /** Undefined only in a genesis. */
  readonly storeId: StoreId | undefined
  readonly author: PublicKey
  readonly seq: number
  readonly prev: Hash | undefined
  /** Sorted, unique, without `prev`. */
  readonly deps: readonly Hash[]
  readonly hlc: bigint
  /** Serialised UniversalOp; empty: a merge. */
  readonly ops: Uint8Array
}

interface Signed extends Omit<Draft, 'storeId'> {
  /** The store it belongs to; a genesis belongs to the store it founds. */
  readonly storeId: StoreId
  readonly isGenesis: boolean
  readonly hash: Hash
  readonly signature: Signature
  /** The serialised SignedIntention, exactly as it came. */
  readonly bytes: Uint8Array
}

/** Well-formed, by nobody knows whom. */
export type UnverifiedIntention = Branded<Signed, 'UnverifiedIntention'>
/** The signature is the author's. */
export type VerifiedIntention = Branded<Signed, 'VerifiedIntention'>

export type ParseError = LatticeError<'malformed' | 'too-large'>

const TAG = { storeId: 0x0a, author: 0x12, seq: 0x18, prev: 0x22, dep: 0x2a, hlc: 0x31, ops: 0x3a } as const
const SIGNED_TAG = { body: 0x0a, signature: 0x12 } as const
const GENESIS_TAG = { genesis: 0x0a, type: 0x0a, nonce: 0x12 } as const

/** Parses a serialised SignedIntention strictly. The result keeps a copy of `bytes`. */
export const parseIntention = (bytes: Uint8Array): Result<UnverifiedIntention, ParseError> => {
  if (bytes.length > SIGNED_BYTES_MAX)
    return err(latticeError('too-large', 'permanent', `an intention of ${bytes.length} bytes is over the limit`))
  try {
    const copy = new Uint8Array(bytes)
    const outer = new ByteReader(copy)
    outer.expect(SIGNED_TAG.body, 'body')
    const body = outer.bytes()
    outer.expect(SIGNED_TAG.signature, 'signature')
    const signature = outer.fixedBytes(64, 'signature') as Signature
    outer.end()
    const draft = parseBody(body)
    const hash = hashBody(body)
    return ok(toSigned(draft, hash, signature, copy) as UnverifiedIntention)
  } catch (error) {
    if (error instanceof MalformedError) return err(latticeError(error.kind, 'permanent', error.message))
    throw error
  }
}

export const verifyIntention = (
  intention: UnverifiedIntention,
  verifier: Verifier,
): Result<VerifiedIntention, LatticeError<'bad-signature'>> =>
  verifier.verify(intention.signature, intention.hash, intention.author)
    ? ok(intention as Signed as VerifiedIntention)
    : err(latticeError('bad-signature', 'permanent', 'the signature is not the author’s'))

/** For bytes that this device verified before it stored them. Undefined: the disk gave back something else. */
export const readStoredIntention = (bytes: Uint8Array): VerifiedIntention | undefined => {
  const parsed = parseIntention(bytes)
  return parsed.ok ? (parsed.value as Signed as VerifiedIntention) : undefined
}

/** Signs what this device writes. Limits are the caller's to keep: breaking one is a bug, except the size of the ops. */
export const signIntention = (
  draft: Omit<Draft, 'author'>,
  signer: Signer,
): Result<VerifiedIntention, LatticeError<'ops-too-large'>> => {
  if (draft.ops.length > OPS_BYTES_MAX)
    return err(
      latticeError('ops-too-large', 'permanent', `one write of ${draft.ops.length} bytes is over ${OPS_BYTES_MAX}`),
    )
  const full = { ...draft, author: signer.publicKey }
  const body = encodeBody(full)
  const hash = hashBody(body)
  const signature = signer.sign(hash)
  const parsed = parseIntention(encodeSigned(body, signature))
  if (!parsed.ok) throw new InvariantError(`a draft is not well-formed: ${parsed.error.message}`)
  return ok(parsed.value as Signed as VerifiedIntention)
}

/** The one encoding of a body. Does not check the rules; `parseIntention` does. */
export const encodeBody = (draft: Draft): Uint8Array => {
  const parts: Uint8Array[] = []
  const field = (tag: number, value: Uint8Array) => parts.push(Uint8Array.of(tag), varintBytes(value.length), value)
  if (draft.storeId) field(TAG.storeId, draft.storeId)
  field(TAG.author, draft.author)
  parts.push(Uint8Array.of(TAG.seq), varintBytes(draft.seq))
  if (draft.prev) field(TAG.prev, draft.prev)
  for (const dep of draft.deps) field(TAG.dep, dep)
  const hlc = new Uint8Array(9)
  hlc[0] = TAG.hlc
  new DataView(hlc.buffer).setBigUint64(1, draft.hlc, true)
  parts.push(hlc)
  if (draft.ops.length > 0) field(TAG.ops, draft.ops)
  return concatBytes(...parts)
}

export const encodeSigned = (body: Uint8Array, signature: Uint8Array): Uint8Array =>
  concatBytes(
    Uint8Array.of(SIGNED_TAG.body),
    varintBytes(body.length),
    body,
    Uint8Array.of(SIGNED_TAG.signature, signature.length),
    signature,
  )

const toSigned = (draft: Draft, hash: Hash, signature: Signature, bytes: Uint8Array): Signed => ({
  ...draft,
  storeId: draft.storeId ?? hash,
  isGenesis: draft.storeId === undefined,
  hash,
  signature,
  bytes,
})

const parseBody = (body: Uint8Array): Draft => {
  const reader = new ByteReader(body)
  const storeId = reader.take(TAG.storeId) ? (reader.fixedBytes(32, 'store_id') as StoreId) : undefined
  reader.expect(TAG.author, 'author')
  const author = reader.fixedBytes(32, 'author') as PublicKey
  reader.expect(TAG.seq, 'seq')
  const seq = reader.varint()
  if (seq < 1) throw new MalformedError('seq is 0')
  const prev = reader.take(TAG.prev) ? (reader.fixedBytes(32, 'prev') as Hash) : undefined
  const deps = parseDeps(reader)
  reader.expect(TAG.hlc, 'hlc')
  const hlc = reader.fixed64()
  if (hlc < 1n || hlc > HLC_MAX) throw new MalformedError('hlc is 0')
  const ops = reader.take(TAG.ops) ? reader.bytes() : new Uint8Array()
  if (reader.previousTag === TAG.ops && ops.length === 0) throw new MalformedError('empty ops are left out')
  reader.end()
  if (ops.length > OPS_BYTES_MAX) throw new MalformedError(`ops of ${ops.length} bytes are over the limit`, 'too-large')
  const draft = { storeId, author, seq, prev, deps, hlc, ops }
  checkPlace(draft)
  return draft
}

const parseDeps = (reader: ByteReader): Hash[] => {
  const deps: Hash[] = []
  while (reader.take(TAG.dep)) {
    const dep = reader.fixedBytes(32, 'a dep') as Hash
    const last = deps.at(-1)
    if (last && compareBytes(last, dep) >= 0) throw new MalformedError('deps are not sorted and unique')
    if (deps.length === DEPS_MAX) throw new MalformedError(`more than ${DEPS_MAX} deps`)
    deps.push(dep)
  }
  return deps
}

/** Where an intention stands in its chain and its store must make sense by itself. */
const checkPlace = ({ storeId, seq, prev, deps, ops }: Draft): void => {
  if ((seq === 1) !== (prev === undefined)) throw new MalformedError('prev is empty exactly when seq is 1')
  if (prev && deps.some((dep) => equalBytes(dep, prev))) throw new MalformedError('prev is named again in deps')
  if (storeId === undefined) {
    if (seq !== 1 || deps.length > 0) throw new MalformedError('a genesis has parents')
    parseGenesis(ops)
  } else if (seq === 1 && deps.length === 0) throw new MalformedError('an author’s first intention names no head')
}

export interface GenesisFields {
  readonly type: string
  readonly nonce: Uint8Array
}

/** The ops of a genesis: UniversalOp{genesis}, in its one encoding. Throws `MalformedError`. */
export const parseGenesis = (ops: Uint8Array): GenesisFields => {
  const outer = new ByteReader(ops)
  outer.expect(GENESIS_TAG.genesis, 'genesis')
  const inner = new ByteReader(outer.bytes())
  outer.end()
  inner.expect(GENESIS_TAG.type, 'type')
  const type = inner.bytes()
  if (type.length < 1 || type.length > TYPE_BYTES_MAX || type.some((c) => c < 0x21 || c > 0x7e))
    throw new MalformedError(`the store type is not 1 to ${TYPE_BYTES_MAX} visible ASCII characters`)
  inner.expect(GENESIS_TAG.nonce, 'nonce')
  const nonce = inner.fixedBytes(NONCE_LENGTH, 'nonce')
  inner.end()
  return { type: String.fromCharCode(...type), nonce }
}
