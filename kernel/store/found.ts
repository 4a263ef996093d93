/** Founding a store: its genesis and what every new store says first, in one transaction with its space's ChildAdd. */
import { create, toBinary } from '@bufbuild/protobuf'
import { UniversalOpSchema } from '#proto/intention'
import { bytesToHex, hexToBytes, type PublicKey, type StoreId } from '../core/bytes.ts'
import { tick } from '../core/hlc.ts'
import { signIntention } from '../core/intention.ts'
import { invariant, ok, type Result } from '../core/result.ts'
import type { Signer } from '../core/signing.ts'
import { RANK, systemOp, wireRole } from '../state/system-op.ts'
import { append } from './author.ts'
import type { StoreCore } from './core.ts'
import type { SubmitError } from './port.ts'
import type { Turn } from './turn.ts'
import { witness } from './witness.ts'

export interface Founding {
  readonly type: string
  readonly name: string
  /** 16 random bytes. */
  readonly nonce: Uint8Array
  readonly deviceName: string
}

/** The ops of a genesis: a serialised UniversalOp. */
export const encodeGenesis = (type: string, nonce: Uint8Array): Uint8Array => {
  const op = { case: 'genesis' as const, value: { type, nonce } }
  return toBinary(UniversalOpSchema, create(UniversalOpSchema, { op }))
}

/**
 * `open` makes the store known once its id is. In a child, the space's admins are made admins of the store's own
 * table too: it does not count while peers are inherited, and lets any of them make the store independent later.
 */
export const found = (
  turn: Turn,
  signer: Signer,
  { type, name, nonce, deviceName }: Founding,
  space: StoreCore | undefined,
  open: (storeId: StoreId) => StoreCore,
): Result<void, SubmitError> => {
  const ops = encodeGenesis(type, nonce)
  const hlc = tick(turn.nowMs, [])
  invariant(hlc !== undefined, 'the clock has run out')
  const genesis = signIntention({ storeId: undefined, seq: 1, prev: undefined, deps: [], hlc, ops }, signer)
  invariant(genesis.ok, 'a genesis is small')
  const core = open(genesis.value.hash)
  if (space !== undefined) {
    const value = { storeId: core.id, type, name }
    const listed = append(turn, space, signer, { system: systemOp({ case: 'childAdd', value }) })
    if (!listed.ok) return listed
  }
  witness(turn, core, [genesis.value], undefined)
  const self = signer.publicKey
  const says = [systemOp({ case: 'setName', value: { name } })]
  if (space === undefined) says.push(systemOp({ case: 'peerRename', value: { device: self, name: deviceName } }))
  for (const device of space?.authority.devices() ?? []) {
    if (device === bytesToHex(self) || space!.authority.rank(device) !== RANK.admin) continue
    const key = hexToBytes(device)
    invariant(key.ok, 'a device key is not hexadecimal')
    const value = { device: key.value, name: space!.system.peerName(key.value as PublicKey), role: wireRole('admin') }
    says.push(systemOp({ case: 'peerAdd', value }))
  }
  for (const system of says) {
    const said = append(turn, core, signer, { system })
    if (!said.ok) return said
  }
  return ok(undefined)
}
