/**
 * The system table: names, invites, children and strategy of a store, in cells of the one conflict engine. Rights are
 * not read from here: see authority.ts.
 *
 *   "p/" device → PeerRecord            "i/" secret hash → InviteRecord      "r/" secret hash → empty: revoked
 *   "u/" secret hash device → empty: used by                                 "c/" store id → ChildRecord
 *   "n" → name in UTF-8                 "s" → empty: the store lists its own peers
 */
import { create, fromBinary, toBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf'
import { ChildRecordSchema, InviteRecordSchema, PeerRecordSchema } from '#proto/state'
import { concatBytes, encodeUtf8, type Hash, type PublicKey, type StoreId } from '../core/bytes.ts'
import { CorruptCellError } from './cell.ts'
import type { AppliedAt, CellReader, CellWriter } from './port.ts'
import { roleOf, wireRole, type Rank, type Role, type SystemAction } from './system-op.ts'

const ascii = (text: string): Uint8Array => encodeUtf8(text)
const PEER = ascii('p/')
const INVITE = ascii('i/')
const INVITE_REVOKED = ascii('r/')
const INVITE_USED = ascii('u/')
const CHILD = ascii('c/')
const NAME = ascii('n')
const STRATEGY = ascii('s')
const EMPTY = new Uint8Array(0)

/** The range of keys that start with `prefix`; its last byte must be below 0xff. */
const under = (prefix: Uint8Array) => {
  const lt = prefix.slice()
  lt[lt.length - 1]! += 1
  return { gte: prefix, lt }
}

const usesOf = (secretHash: Hash): Uint8Array => concatBytes(INVITE_USED, secretHash, PEER.subarray(1))

/** Folds one counted action. */
export const applySystemAction = (action: SystemAction, at: AppliedAt, system: CellWriter): void => {
  const write = (key: Uint8Array, value: Uint8Array | undefined): void => {
    system.write(key, value, at)
  }
  const name = (device: PublicKey, text: string): void =>
    write(concatBytes(PEER, device), toBinary(PeerRecordSchema, create(PeerRecordSchema, { name: text })))
  switch (action.kind) {
    case 'peer-add':
      name(action.device, action.name)
      if (action.invite !== undefined) write(concatBytes(usesOf(action.invite), action.device), EMPTY)
      return
    case 'peer-rename':
      return name(action.device, action.name)
    case 'set-role':
    case 'peer-revoke':
      return
    case 'invite-create': {
      const { role, expiresMs, uses, approval } = action
      const fields = { role: wireRole(role), expiresMs: BigInt(expiresMs), uses, approval }
      const record = create(InviteRecordSchema, fields)
      return write(concatBytes(INVITE, action.secretHash), toBinary(InviteRecordSchema, record))
    }
    case 'invite-revoke':
      return write(concatBytes(INVITE_REVOKED, action.secretHash), EMPTY)
    case 'child-add': {
      const record = create(ChildRecordSchema, { type: action.type, name: action.name })
      return write(concatBytes(CHILD, action.storeId), toBinary(ChildRecordSchema, record))
    }
    case 'child-remove':
      return write(concatBytes(CHILD, action.storeId), undefined)
    case 'set-name':
      return write(NAME, ascii(action.name))
    case 'make-independent':
      for (const member of action.members) name(member.device, member.name)
      return write(STRATEGY, EMPTY)
  }
}

export interface Child {
  readonly storeId: StoreId
  readonly type: string
  readonly name: string
}

export interface InviteState {
  readonly secretHash: Hash
  readonly role: Role
  readonly expiresMs: number
  readonly uses: number
  readonly used: number
  readonly revoked: boolean
  readonly approval: boolean
}

const readRecord = <D extends DescMessage>(schema: D, bytes: Uint8Array): MessageShape<D> => {
  try {
    return fromBinary(schema, bytes)
  } catch (cause) {
    throw new CorruptCellError(`a ${schema.name} is damaged`, { cause })
  }
}

/** Reads a system table. Throws `CorruptCellError` on what is damaged. */
export class SystemView {
  readonly #cells: CellReader
  constructor(cells: CellReader) {
    this.#cells = cells
  }

  /** '' until one is set. */
  name(): string {
    const bytes = this.#cells.value(NAME)
    return bytes === undefined ? '' : new TextDecoder().decode(bytes)
  }

  /** The store lists its own peers. */
  isIndependent(): boolean {
    return this.#cells.value(STRATEGY) !== undefined
  }

  peerName(device: PublicKey): string {
    const bytes = this.#cells.value(concatBytes(PEER, device))
    return bytes === undefined ? '' : readRecord(PeerRecordSchema, bytes).name
  }

  *children(): Iterable<Child> {
    for (const [key, cell] of this.#cells.cells(under(CHILD))) {
      const value = cell.heads[0]!.value
      if (value === undefined) continue
      const { type, name } = readRecord(ChildRecordSchema, value)
      yield { storeId: key.slice(CHILD.length) as StoreId, type, name }
    }
  }

  child(storeId: StoreId): Child | undefined {
    const value = this.#cells.value(concatBytes(CHILD, storeId))
    if (value === undefined) return undefined
    const { type, name } = readRecord(ChildRecordSchema, value)
    return { storeId, type, name }
  }

  *invites(): Iterable<InviteState> {
    for (const [key, cell] of this.#cells.cells(under(INVITE))) {
      const value = cell.heads[0]!.value
      if (value === undefined) continue
      const secretHash = key.slice(INVITE.length) as Hash
      const { role, expiresMs, uses, approval } = readRecord(InviteRecordSchema, value)
      let used = 0
      for (const _ of this.#cells.cells(under(usesOf(secretHash)))) used++
      yield {
        secretHash,
        role: roleOf(role as number as Rank) ?? 'reader',
        expiresMs: Number(expiresMs),
        uses,
        used,
        revoked: this.#cells.value(concatBytes(INVITE_REVOKED, secretHash)) !== undefined,
        approval,
      }
    }
  }
}
