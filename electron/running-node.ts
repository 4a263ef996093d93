/** The node inside the app: opened, followed for the tray, served to the page, stopped. It can be tried again. */
import { err, latticeError, type LatticeError, type Result } from '#kernel/core/result.ts'
import { DesktopService } from '#proto/desktop_api'
import { LatticeNode, type NodeOptions } from '#daemon/node/node.ts'
import { routes, serve, type Router } from '#daemon/rpc/routes.ts'
import { bridgeServices, type BridgeServices } from './bridge.ts'
import { desktopService, type DesktopParts } from './desktop-service.ts'
import { followNode, type Follower } from './follow.ts'

export interface RunningParts extends Follower {
  /** Asked at every try: a keychain may have been unlocked since. */
  nodeOptions(): Omit<NodeOptions, 'report'>
  /** Is told of unexpected failures, which are bugs of ours. */
  report(cause: unknown): void
  readonly desktop: Omit<DesktopParts, 'api' | 'keyKeptIn'>
  onFailure(error: LatticeError): void
  /** A client asked for the stop. */
  onShutdown(): void
}

export class RunningNode {
  readonly #parts: RunningParts
  readonly #stop = new AbortController()
  #node: LatticeNode | undefined
  #services: Promise<BridgeServices | undefined> | undefined

  constructor(parts: RunningParts) {
    this.#parts = parts
  }

  get node(): LatticeNode | undefined {
    return this.#node
  }

  /** For pages; undefined when the node cannot be started, which `onFailure` has been told. */
  services(): Promise<BridgeServices | undefined> {
    return (this.#services ??= this.#open(false))
  }

  /** After a failure: forgets it and tries again. `newSpace`: as in `NodeOptions`, for this try. */
  retry(newSpace = false): Promise<BridgeServices | undefined> {
    if (this.#node === undefined) this.#services = this.#open(newSpace)
    return this.services()
  }

  /** Resolves when all is flushed and closed. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#services
    await this.#node?.[Symbol.asyncDispose]()
  }

  /** A bug of ours must not leave a person before an empty window. */
  async #tryToOpen(newSpace: boolean): Promise<Result<LatticeNode, LatticeError>> {
    try {
      return await LatticeNode.open({ ...this.#parts.nodeOptions(), newSpace, report: this.#parts.report })
    } catch (cause) {
      this.#parts.report(cause)
      return err(latticeError('internal', 'permanent', `an unexpected failure: ${(cause as Error).message}`))
    }
  }

  async #open(newSpace: boolean): Promise<BridgeServices | undefined> {
    performance.mark('node asked for')
    const opened = await this.#tryToOpen(newSpace)
    performance.mark('node open')
    if (!opened.ok) {
      this.#parts.onFailure(opened.error)
      return undefined
    }
    const { report } = this.#parts
    const node = (this.#node = opened.value)
    node.onShutdown(() => {
      if (!this.#stop.signal.aborted) this.#parts.onShutdown()
    })
    followNode(node.api, this.#parts, this.#stop.signal).catch(report)
    const desktop = desktopService({ ...this.#parts.desktop, api: node.api, keyKeptIn: node.keyKeptIn })
    return bridgeServices((router: Router) => {
      routes(node.api, report)(router)
      serve(router, DesktopService, desktop, report)
    })
  }
}
