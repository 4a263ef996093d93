/** What a node does and meets that is worth a line in its log. */
import { bytesToHex, type PublicKey } from '#kernel/core/bytes.ts'
import type { LatticeError } from '#kernel/core/result.ts'
import type { Store } from '#kernel/store/port.ts'
import type { JoinServer } from '#sync/join/serve.ts'
import type { Transport } from '#sync/transport/port.ts'
import { DirtySet, type Changes } from './dirty.ts'
import type { NodeLog, Private } from './log.ts'
import { collectPeers } from './lookup.ts'
import type { FolderEntry } from './parts.ts'

export interface Logged {
  readonly log: NodeLog
  readonly changes: Changes
  readonly transport: Transport
  readonly stores: { list(): readonly Store[] }
  readonly folders: { list(): readonly FolderEntry[] }
  readonly joins: Pick<JoinServer, 'on'>
  readonly report: (cause: unknown) => void
}

/** A busy folder speaks often, and is not looked at more often than this. */
const PAUSE_MS = 250

/** By name where it has one, always with the beginning of its key. */
const device = (stores: readonly Store[], key: PublicKey): Private => {
  const hex = bytesToHex(key)
  const name = collectPeers(stores).get(hex)?.peer.name
  return { kind: 'device', value: name ? `${name} (${hex.slice(0, 16)})` : hex.slice(0, 16), id: hex }
}

const errorOf = ({ failure, status }: FolderEntry): LatticeError | undefined => failure ?? status?.error

/** A line when the error of a folder comes, changes or goes. */
const createFolderWatch = ({ log, folders }: Logged): (() => void) => {
  const known = new Map<string, string>()
  return () => {
    for (const entry of folders.list()) {
      const id = bytesToHex(entry.store.id)
      const error = errorOf(entry)
      const before = known.get(id)
      if (before === error?.kind) continue
      const folder: Private = { kind: 'folder', value: entry.store.name, id }
      if (error) {
        known.set(id, error.kind)
        log.write('error', 'folder ', folder, ` has failed (${error.kind}): `, { kind: 'text', value: error.message })
      } else {
        known.delete(id)
        log.write('info', 'folder ', folder, ' works again')
      }
    }
  }
}

const pause = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, PAUSE_MS)
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })

const followFolders = async (logged: Logged, signal: AbortSignal): Promise<void> => {
  const dirty = new DirtySet()
  const unsubscribe = logged.changes.subscribe((key) => {
    if (key.startsWith('folder/')) dirty.add(key)
  })
  const look = createFolderWatch(logged)
  look()
  while ((await dirty.take(signal)).length > 0) {
    look()
    await pause(signal)
  }
  unsubscribe()
}

/** By the name that it gives itself. */
const stranger = (name: string, key: PublicKey): Private => ({ kind: 'device', value: name, id: bytesToHex(key) })
const storeNamed = ({ id, name }: Store): Private => ({ kind: 'folder', value: name, id: bytesToHex(id) })

/** Follows a node until it is told to stop. Returns the way to do that. */
export const logEvents = (logged: Logged): (() => void) => {
  const { log, transport, stores, joins, report } = logged
  const stop = new AbortController()
  const undo = [
    transport.on('connected', ({ peer, direct }) =>
      log.write('info', 'connected to ', device(stores.list(), peer), direct ? '' : ' through a relay'),
    ),
    transport.on('disconnected', (peer) => log.write('info', 'disconnected from ', device(stores.list(), peer))),
    joins.on('requested', ({ device: key, deviceName, store }) =>
      log.write('info', stranger(deviceName, key), ' asks to join ', storeNamed(store)),
    ),
    joins.on('joined', ({ device: key, name, store }) =>
      log.write('info', stranger(name, key), ' was let in to ', storeNamed(store)),
    ),
  ]
  followFolders(logged, stop.signal).catch(report)
  return () => {
    stop.abort()
    for (const each of undo) each()
  }
}
