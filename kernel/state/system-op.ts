/**
 * The system leg of an intention, parsed: one validated action, or `BadOpError`. Bounds: names 64 bytes (stores 255),
 * device keys and hashes 32 bytes, positions below 2^53, each device and store listed once.
 */
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { type Role as WireRole, Strategy, SystemOpSchema, type Cutoff, type SystemOp } from '#proto/system'
import {
  bytesToHex,
  parseHash,
  parsePublicKey,
  type Hash,
  type HexKey,
  type PublicKey,
  type StoreId,
} from '../core/bytes.ts'
import { BadOpError } from './port.ts'

export type Role = 'reader' | 'writer' | 'admin'

/** Rights as numbers: each includes those below it. */
export const RANK = { none: 0, reader: 1, writer: 2, admin: 3 } as const
export type Rank = (typeof RANK)[keyof typeof RANK]

export const roleOf = (rank: Rank): Role | undefined =>
  rank === RANK.none ? undefined : (['reader', 'writer', 'admin'] as const)[rank - 1]

export const wireRole = (role: Role): WireRole => RANK[role] as WireRole

/** store (hex) → position in a device's chain of that store. */
export type Positions = ReadonlyMap<HexKey, number>

export interface MemberCopy {
  readonly device: PublicKey
  readonly name: string
  readonly role: Role
  readonly lastSeq: number
  readonly revoked: boolean
}

export type SystemAction =
  | {
      readonly kind: 'peer-add'
      readonly device: PublicKey
      readonly name: string
      readonly role: Role
      readonly invite: Hash | undefined
      readonly positions: Positions
    }
  | { readonly kind: 'set-role'; readonly device: PublicKey; readonly role: Role; readonly positions: Positions }
  | { readonly kind: 'peer-revoke'; readonly device: PublicKey; readonly positions: Positions }
  | { readonly kind: 'peer-rename'; readonly device: PublicKey; readonly name: string }
  | {
      readonly kind: 'invite-create'
      readonly secretHash: Hash
      readonly role: Role
      readonly expiresMs: number
      readonly uses: number
      readonly approval: boolean
    }
  | { readonly kind: 'invite-revoke'; readonly secretHash: Hash }
  | { readonly kind: 'child-add'; readonly storeId: StoreId; readonly type: string; readonly name: string }
  | { readonly kind: 'child-remove'; readonly storeId: StoreId }
  | { readonly kind: 'set-name'; readonly name: string }
  | { readonly kind: 'make-independent'; readonly members: readonly MemberCopy[] }

export const PEER_NAME_MAX = 64
export const STORE_NAME_MAX = 255
const TYPE_NAME_MAX = 64

const utf8Length = (text: string): number => Buffer.byteLength(text, 'utf8')

const fail = (message: string): never => {
  throw new BadOpError(message)
}

const name = (text: string, max: number): string =>
  utf8Length(text) > max || text.includes('\0') ? fail(`a name is longer than ${max} bytes or holds a NUL`) : text

const device = (bytes: Uint8Array): PublicKey => {
  const key = parsePublicKey(bytes)
  return key.ok ? key.value : fail(key.error.message)
}

const hash = (bytes: Uint8Array): Hash => {
  const parsed = parseHash(bytes)
  return parsed.ok ? parsed.value : fail(parsed.error.message)
}

const role = (wire: WireRole): Role => roleOf((wire >= 1 && wire <= 3 ? wire : 0) as Rank) ?? fail('no such role')

const count = (n: bigint): number =>
  n <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(n) : fail('a number is out of range')

const positions = (cutoffs: readonly Cutoff[]): Positions => {
  const map = new Map<HexKey, number>()
  for (const cutoff of cutoffs) {
    const store = bytesToHex(hash(cutoff.storeId))
    if (map.has(store)) fail('a store is listed twice')
    map.set(store, count(cutoff.lastSeq))
  }
  return map
}

type Leg<Case> = Extract<SystemOp['op'], { case: Case }> extends { value: infer V } ? V : never

const members = (op: Leg<'setStrategy'>): SystemAction => {
  if (op.strategy !== Strategy.INDEPENDENT) fail('a store cannot go back to inheriting its peers')
  if (op.members.length === 0) fail('a store that lists its own peers lists one at least')
  const seen = new Set<HexKey>()
  return {
    kind: 'make-independent',
    members: op.members.map((member) => {
      const key = device(member.device)
      if (seen.has(bytesToHex(key))) fail('a member is listed twice')
      seen.add(bytesToHex(key))
      const lastSeq = count(member.lastSeq)
      return {
        device: key,
        name: name(member.name, PEER_NAME_MAX),
        role: role(member.role),
        lastSeq,
        revoked: member.revoked,
      }
    }),
  }
}

const invite = (op: Leg<'inviteCreate'>): SystemAction => ({
  kind: 'invite-create',
  secretHash: hash(op.secretHash),
  role: role(op.role),
  expiresMs: count(op.expiresMs),
  uses: op.uses >= 1 ? op.uses : fail('an invite must be good for one use at least'),
  approval: op.approval,
})

/** Throws `BadOpError`. Unknown operations of later versions are bad ops to this one. */
export const parseSystemOp = (message: SystemOp): SystemAction => {
  const { op } = message
  switch (op.case) {
    case 'peerAdd':
      return {
        kind: 'peer-add',
        device: device(op.value.device),
        name: name(op.value.name, PEER_NAME_MAX),
        role: role(op.value.role),
        invite: op.value.invite.length === 0 ? undefined : hash(op.value.invite),
        positions: positions(op.value.since),
      }
    case 'setRole': {
      const { device: key, role: to, cutoffs } = op.value
      return { kind: 'set-role', device: device(key), role: role(to), positions: positions(cutoffs) }
    }
    case 'peerRevoke':
      return { kind: 'peer-revoke', device: device(op.value.device), positions: positions(op.value.cutoffs) }
    case 'peerRename':
      return { kind: 'peer-rename', device: device(op.value.device), name: name(op.value.name, PEER_NAME_MAX) }
    case 'inviteCreate':
      return invite(op.value)
    case 'inviteRevoke':
      return { kind: 'invite-revoke', secretHash: hash(op.value.secretHash) }
    case 'childAdd':
      return {
        kind: 'child-add',
        storeId: hash(op.value.storeId),
        type: name(op.value.type, TYPE_NAME_MAX),
        name: name(op.value.name, STORE_NAME_MAX),
      }
    case 'childRemove':
      return { kind: 'child-remove', storeId: hash(op.value.storeId) }
    case 'setName':
      return { kind: 'set-name', name: name(op.value.name, STORE_NAME_MAX) }
    case 'setStrategy':
      return members(op.value)
    default:
      return fail('no such system operation')
  }
}

/** Builds a `SystemOp` for a draft: `systemOp({ case: 'setName', value: { name } })`. */
export const systemOp = (op: MessageInitShape<typeof SystemOpSchema>['op']): SystemOp => create(SystemOpSchema, { op })
