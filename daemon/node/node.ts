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
import { createApi } from './api.ts'
import { Changes } from './dirty.ts'
import { loadConfig, loadDeviceKey, prepareHome, type DeviceKey, type Keychain, type NodeConfig } from './home.ts'
import { openFolders } from './open-folders.ts'
import { openLocal } from './open-local.ts'
import { loadNetworkCode, openNetwork } from './open-network.ts'
import { collectAtRest } from './rest.ts'

export interface NodeOptions {
  readonly home: string
  /** What the command line says in place of `config.json`. */
  readonly config: Partial<NodeConfig>
  /** Find devices on the local network, and be found. */
  readonly localDiscovery: boolean
  /** Is told of unexpected failures, which are bugs of ours. */
  readonly report: (cause: unknown) => void
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
    const config = loadConfig(home, options.config)
    if (!config.ok) return config
    const key = loadDeviceKey(home, options.keychain)
    if (!key.ok) return key

    const changes = new Changes()
    parts.defer(collectAtRest(changes))
    const common = { home, config: config.value, key: key.value, changes, report: options.report }
    // The network code takes longest to load, and nothing local needs it.
    const networkCode = loadNetworkCode()
    const local = await openLocal(parts, common)
    if (!local.ok) return local
    const network = await openNetwork(parts, {
      ...common,
      ...local.value,
      localDiscovery: options.localDiscovery,
      code: await networkCode,
    })
    if (!network.ok) return network
    const folders = await openFolders(parts, { ...common, ...local.value, ...network.value })

    const shutdown = new AbortController()
    parts.defer(() => shutdown.abort())
    const api = createApi({
      ...common,
      ...local.value,
      ...network.value,
      folders,
      startedMs,
      version: readVersion(),
      shutdown,
    })
    const server = parts.use(await serveRpc(api, prepareSocketPath(home), options.report))
    const ready = {
      device: bytesToHex(key.value.signer.publicKey),
      name: config.value.name,
      home,
      pid: process.pid,
      socket: server.socketPath,
      addresses: network.value.transport.addresses(),
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
