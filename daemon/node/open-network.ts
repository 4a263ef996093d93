/** What connects a node to others: the transport, the exchange of content, and the engine that keeps stores level. */
import { randomBytes } from 'node:crypto'
import { ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import { BlobExchange } from '#sync/blobs/exchange.ts'
import type { CasError } from '#kernel/cas/port.ts'
import type { Timers } from '#sync/clock.ts'
import { GatedTransport } from '#sync/transport/gated.ts'
import type { Transport } from '#sync/transport/port.ts'
import { addPeer } from '#kernel/store/admin.ts'
import { FILESTORE_TYPE } from '#fs-bridge/filestore/machine.ts'
import { SyncEngine } from '#sync/engine.ts'
import { JoinServer } from '#sync/join/serve.ts'
import { bytesToHex, hexToBytes, type PublicKey, type StoreId } from '#kernel/core/bytes.ts'
import type { DagReader } from '#kernel/dag/port.ts'
import type { StoreManager } from '#kernel/store/port.ts'
import { isEqualSet, type PeerProgress } from '#sync/gossip/shared.ts'
import { followRights } from './follow-rights.ts'
import type { Levels, PeerLevel } from './parts.ts'
import { announceJoins } from './join-notices.ts'
import type { Common, Local } from './open-local.ts'
import { keepQuietHours } from './quiet.ts'
import { announceRemovals } from './removals.ts'

export interface Network {
  readonly transport: Transport
  readonly blobs: BlobExchange
  readonly engine: SyncEngine
  readonly levels: Levels
  /** Devices that wait to be let in. */
  readonly joins: JoinServer
}

/** Loaded while the database opens: most of a node's start is reading this code. */
export const loadNetworkCode = async () => ({
  ...(await import('#sync/transport/libp2p/node.ts')),
  ...(await import('#sync/transport/libp2p/identity.ts')),
})

export interface NetworkOptions extends Common, Local {
  readonly code: Awaited<ReturnType<typeof loadNetworkCode>>
}

export const systemTimers: Timers = {
  nowMs: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
  random: () => Math.random(),
}

/** Where nobody may guess what comes. */
export const secureRandomBytes = (length: number): Uint8Array => new Uint8Array(randomBytes(length))

export const openNetwork = async (
  parts: AsyncDisposableStack,
  options: NetworkOptions,
): Promise<Result<Network, LatticeError>> => {
  const { key, config, code, storage, stores, bindings, cas, changes, notices, report } = options
  const created = await code.createLibp2pTransport({
    deviceKey: code.deviceKeyFromSeed(key.seed),
    listen: config.listen,
    localDiscovery: config.localDiscovery,
    lanes: { port: 0 },
    onHandlerError: (cause) => report(cause),
  })
  if (!created.ok) return created
  const transport = parts.use(created.value)
  for (const event of ['connected', 'disconnected'] as const)
    parts.defer(
      transport.on(event, (subject: { peer?: Uint8Array } | Uint8Array) => {
        const peer = subject instanceof Uint8Array ? subject : subject.peer!
        changes.notify(`peer/${bytesToHex(peer)}`)
        changes.notify('traffic')
      }),
    )
  // What is said by invitation is a person's own act; all else goes through the gate.
  const gate = new GatedTransport(transport)
  const mayRead = (peer: PublicKey, id: StoreId): boolean => {
    const store = stores.get(id)
    return store !== undefined && store.access.mayRead(peer) && !engine.removalOf(store)
  }
  const blobs = parts.use(
    new BlobExchange({
      transport: gate,
      timers: systemTimers,
      mayRead,
      mayHave: mayRead,
      read: (store, cid, room) => cas.read(store, cid, room),
      failed: (_, __, error) => warnOfUnread(options, error),
    }),
  )
  const engine = parts.use(
    new SyncEngine({
      transport: gate,
      stores,
      timers: systemTimers,
      backend: storage,
      onDropped: (peer, why) => {
        const id = bytesToHex(peer)
        const device = { kind: 'device', value: id.slice(0, 16), id } as const
        options.log.write('warning', device, ' is kept away for a minute: ', { kind: 'text', value: why })
      },
      onError: report,
      reportsProgress: (store) => store.type === FILESTORE_TYPE && (bindings.get(store.id)?.path ?? '') !== '',
    }),
  )
  const joins = parts.use(
    new JoinServer({
      transport,
      stores,
      timers: systemTimers,
      randomBytes: secureRandomBytes,
      admit: (store, peer) => addPeer(stores, store.id, peer),
    }),
  )
  parts.defer(joins.on('changed', () => changes.notify('joins')))
  parts.defer(announceJoins(joins, (notice) => notices.add(notice)))
  parts.defer(followRights(stores, changes, () => joins.recheck(), report))
  parts.defer(engine.onChange(() => changes.notify('level')))
  parts.defer(announceRemovals(engine, stores, options))
  parts.defer(followSettings(options, { blobs, gate, local: transport }))
  engine.start()
  return ok({ transport, blobs, engine, levels: levelsOf(engine, stores), joins })
}

interface Steered {
  readonly blobs: BlobExchange
  readonly gate: GatedTransport
  readonly local: { setLocalDiscovery(on: boolean): void }
}

/** Mostly it is a file that was changed and not looked at since: another version of it follows. */
const warnOfUnread = ({ log }: Common, { message }: CasError): void =>
  log.write('warning', 'what a device asked for cannot be given: ', { kind: 'text', value: message })

/** Limits, quiet hours and local discovery hold from the start, and as they are changed. Returns the way to stop. */
const followSettings = ({ settings, log, report }: Common, { blobs, gate, local }: Steered): (() => void) => {
  const setLimits = (): void =>
    blobs.setLimits({ upload: settings.current.uploadLimit, download: settings.current.downloadLimit })
  setLimits()
  const quiet = keepQuietHours({
    timers: systemTimers,
    hours: () => settings.current.quietHours,
    gate,
    changed: (isQuiet) => log.write('info', isQuiet ? 'quiet hours begin' : 'quiet hours end'),
    report,
  })
  const undo = settings.onChange(({ localDiscovery }) => {
    log.write('info', 'the settings were changed')
    setLimits()
    quiet.look()
    local.setLocalDiscovery(localDiscovery)
  })
  return () => {
    undo()
    quiet.stop()
  }
}

const levelsOf = (engine: SyncEngine, stores: StoreManager): Levels => ({
  peers: ({ id }) => {
    const mine = stores.get(id)?.dag
    return [...engine.peerProgress(id)].flatMap(([hex, theirs]) => {
      const device = hexToBytes(hex)
      return device.ok ? [{ device: device.value as PublicKey, level: levelOf(mine, theirs) }] : []
    })
  },
  settled: ({ id }, signal) => engine.waitLevel(id, signal),
})

const levelOf = (mine: DagReader | undefined, theirs: PeerProgress | undefined): PeerLevel => {
  if (!theirs) return { at: 'silent' }
  if (!mine || !isEqualSet({ count: mine.count, fingerprint: mine.fingerprint() }, theirs)) return { at: 'apart' }
  return theirs.settled ? { at: 'level' } : { at: 'writing', pendingIn: theirs.pendingIn }
}
