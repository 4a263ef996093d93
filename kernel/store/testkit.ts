/** Devices for tests: real stores over memory or LMDB, a clock that only moves when told, seeded keys. */
import { bytesToHex, type StoreId } from '../core/bytes.ts'
import { sha256 } from '../core/hash.ts'
import { createSigner, NodeVerifier } from '../core/identity.ts'
import { invariant, type LatticeError, type Result } from '../core/result.ts'
import type { Signer, Verifier } from '../core/signing.ts'
import type { DagReader } from '../dag/port.ts'
import { coreRegistry } from '../state/registry.ts'
import { dumpState } from '../state/table.ts'
import { MemoryDisk } from '../storage/memory.ts'
import type { StorageBackend } from '../storage/port.ts'
import { LocalStoreManager } from './manager.ts'
import type { LocalStore } from './store.ts'
import { KERNEL_TABLES } from './tables.ts'

/** Unwraps what must have worked. */
export const must = <T>(result: Result<T, LatticeError>): T => {
  invariant(result.ok, result.ok ? '' : `${result.error.kind}: ${result.error.message}`)
  return result.value
}

export class TestClock {
  ms = 1_700_000_000_000
  /** Every reading is a millisecond later: devices that share it never tie. */
  nowMs(): number {
    return this.ms++
  }
}

export const testSigner = (name: string): Signer => createSigner(sha256(new TextEncoder().encode(name)))

export interface Device {
  readonly name: string
  readonly signer: Signer
  manager: LocalStoreManager
  backend: StorageBackend
  readonly disk: MemoryDisk | undefined
  readonly errors: unknown[]
  readonly verifier: Verifier
}

const openManager = (device: Omit<Device, 'manager'>, clock: TestClock): Promise<LocalStoreManager> => {
  let nonces = 0
  return LocalStoreManager.open({
    backend: device.backend,
    registry: coreRegistry(),
    signer: device.signer,
    verifier: device.verifier,
    clock,
    randomBytes: (length) => sha256(new TextEncoder().encode(`${device.name} ${clock.ms} ${nonces++}`)).slice(0, length),
    deviceName: () => device.name,
    onError: (error) => device.errors.push(error),
  })
}

/** A fresh device; on a memory disk unless a backend is given. */
export const openDevice = async (
  name: string,
  clock: TestClock,
  given?: StorageBackend,
  verifier: Verifier = new NodeVerifier(),
): Promise<Device> => {
  const disk = given === undefined ? new MemoryDisk(KERNEL_TABLES) : undefined
  const base = { name, signer: testSigner(name), backend: given ?? disk!.open(), disk, errors: [], verifier }
  return Object.assign(base, { manager: await openManager(base, clock) })
}

/** Power cut and start again: what was not committed is gone. Memory disks only. */
export const restart = async (device: Device, clock: TestClock): Promise<void> => {
  const { disk } = device
  invariant(disk !== undefined, 'only a memory disk can be cut off')
  ;(device.backend as ReturnType<MemoryDisk['open']>).crash()
  device.backend = disk.open()
  device.manager = await openManager(device, clock)
}

export const storeOf = (device: Device, id: StoreId): LocalStore => {
  const store = device.manager.get(id)
  invariant(store !== undefined, `${device.name} has no such store`)
  return store
}

/** Every intention's signed bytes, in witness order. */
export const exportLog = (dag: DagReader): Uint8Array[] => [...dag.log()].map(({ hash }) => dag.signedBytes(hash)!)

/** What one device has, given to another, which has the store open. */
export const pull = async (to: Device, from: Device, id: StoreId): Promise<void> => {
  must(await storeOf(to, id).ingest(exportLog(storeOf(from, id).dag), from.signer.publicKey))
}

/** Every row of a store's state as text: equal exactly if the states are. */
export const stateOf = (device: Device, id: StoreId): string[] =>
  [...dumpState(device.backend, storeOf(device, id).core.number)].map(
    ([table, key, value]) => `${table} ${bytesToHex(key)} ${bytesToHex(value)}`,
  )
