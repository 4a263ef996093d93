/**
 * The composition root: one `LatticeNode` holds everything a device runs, from the lock of its home to the RPC socket.
 * Parts are opened in the order in which they need each other and closed in the reverse one.
 */
import { bytesToHex } from '#kernel/core/bytes.ts'
import { err, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import { StorageError } from '#kernel/storage/errors.ts'
import { lockHome } from '#kernel/storage/lock.ts'
import type { NodeApi } from '../rpc/port.ts'
import { serveRpc } from '../rpc/server.ts'
import { prepareSocketPath } from '../rpc/own-socket.ts'
import { readVersion } from '../version.ts'
import { openWeb, type WebRequest } from '../web/open-web.ts'
import { createApi } from './api.ts'
import { watchOver } from './attention.ts'
import { ConflictFeed } from './conflict-feed.ts'
import { Changes } from './dirty.ts'
import { loadConfig, loadDeviceKey, prepareHome, type DeviceKey, type Keychain, type NodeConfig } from './home.ts'
import { NodeLog, piecesOf } from './log.ts'
import { logEvents } from './log-events.ts'
import { openFolders } from './open-folders.ts'
import { openLocal } from './open-local.ts'
import { NoticeBoard } from './notices.ts'
import { loadNetworkCode, openNetwork } from './open-network.ts'
import { collectAtRest } from './rest.ts'
import { Settings } from './settings.ts'

export interface NodeOptions {
  readonly home: string
  /** What the command line says in place of `config.json`. */
  readonly config: Partial<NodeConfig>
  /** False: no local discovery from the start, whatever `config.json` says. */
  readonly localDiscovery: boolean
  /** Go on with a new space where the device’s own is damaged; else that is a failure. */
  readonly newSpace?: boolean
  /** Serve the web UI. */
  readonly web?: WebRequest
  /** Is told of unexpected failures, which are bugs of ours. */
  readonly report: (cause: unknown) => void
  /** Until then the process has more urgent work than looking at all files. */
  readonly urgentUntil?: Promise<void>
  /** Seals the device key of a new home; needed to open a home whose key it sealed. */
  readonly keychain?: Keychain
}

/** What `lattice up` prints once the node serves. */
export interface ReadyLine {
  readonly device: string
  readonly name: string
  readonly home: string
  readonly pid: number
  readonly socket: string
  readonly addresses: readonly string[]
  /** Where the web UI is, without the token that it asks for; only while it is served. */
  readonly web?: string
}

/** The log, with a line where it begins and one where it ends; unexpected failures go into it and on to `report`. */
const openLog = (parts: AsyncDisposableStack, home: string, report: (cause: unknown) => void) => {
  const log = new NodeLog(home, () => Date.now())
  log.write('info', `started, version ${readVersion()}, process ${process.pid}`)
  parts.defer(() => log.write('info', 'stopped'))
  return {
    log,
    report(cause: unknown) {
      log.write('error', ...piecesOf(cause))
      report(cause)
    },
  }
}

export class LatticeNode implements AsyncDisposable {
  /** What the RPC socket serves, for those in this process. */
  readonly api: NodeApi
  readonly keyKeptIn: DeviceKey['keptIn']
  readonly #parts: AsyncDisposableStack
  readonly #ready: ReadyLine
  readonly #shutdown: AbortController

  private constructor(
    parts: AsyncDisposableStack,
    api: NodeApi,
    key: DeviceKey,
    ready: ReadyLine,
    shutdown: AbortController,
  ) {
    this.api = api
    this.keyKeptIn = key.keptIn
    this.#parts = parts
    this.#ready = ready
    this.#shutdown = shutdown
  }

  /** Fails with one clear sentence when the home is in use, damaged or unusable; then nothing is left open. */
  static async open(options: NodeOptions): Promise<Result<LatticeNode, LatticeError>> {
    await using parts = new AsyncDisposableStack()
    try {
      return await LatticeNode.#open(options, parts)
    } catch (cause) {
      if (cause instanceof StorageError) return err(cause)
      throw cause
    }
  }

  static async #open(options: NodeOptions, parts: AsyncDisposableStack): Promise<Result<LatticeNode, LatticeError>> {
    const startedMs = Date.now()
    const prepared = prepareHome(options.home)
    if (!prepared.ok) return prepared
    const { home } = parts.use(await lockHome(options.home))
    const loaded = loadConfig(home, options.config)
    if (!loaded.ok) return loaded
    const config = { ...loaded.value, localDiscovery: loaded.value.localDiscovery && options.localDiscovery }
    const key = loadDeviceKey(home, options.keychain)
    if (!key.ok) return key

    const changes = new Changes()
    parts.defer(collectAtRest(changes))
    const notices = new NoticeBoard(changes, () => Date.now())
    const settings = new Settings(home, config)
    settings.onChange(() => changes.notify('settings'))
    const { log, report } = openLog(parts, home, options.report)
    const common = { home, config, settings, log, key: key.value, changes, notices, report }
    // The network code takes longest to load, and nothing local needs it.
    const networkCode = loadNetworkCode()
    const local = await openLocal(parts, { ...common, newSpace: options.newSpace ?? false })
    if (!local.ok) return local
    const network = await openNetwork(parts, {
      ...common,
      ...local.value,
      code: await networkCode,
    })
    if (!network.ok) return network
    const folders = await openFolders(parts, { ...common, ...local.value, ...network.value }, options.urgentUntil)
    parts.defer(logEvents({ ...common, ...local.value, ...network.value, folders }))

    const shutdown = new AbortController()
    parts.defer(() => shutdown.abort())
    const conflicts = parts.use(new ConflictFeed(local.value.stores, changes, options.report))
    const self = key.value.signer.publicKey
    watchOver({ ...common, ...local.value, folders, conflicts, self }, shutdown.signal)
    const api = createApi({
      ...common,
      ...local.value,
      ...network.value,
      folders,
      conflicts,
      startedMs,
      version: readVersion(),
      shutdown,
    })
    const server = parts.use(await serveRpc(api, prepareSocketPath(home), report))
    const web = await openWeb(parts, options.web, { home, api, report })
    if (!web.ok) return web
    const ready = {
      device: bytesToHex(key.value.signer.publicKey),
      name: config.name,
      home,
      pid: process.pid,
      socket: server.socketPath,
      addresses: network.value.transport.addresses(),
      ...(web.value !== undefined && { web: web.value }),
    }
    return ok(new LatticeNode(parts.move(), api, key.value, ready, shutdown))
  }

  describe(): ReadyLine {
    return this.#ready
  }

  /** Calls back when a client asks for the stop. */
  onShutdown(listener: () => void): void {
    this.#shutdown.signal.addEventListener('abort', listener, { once: true })
  }

  /** Ends calls and sessions, stops the folders, and closes the database. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync()
  }
}
