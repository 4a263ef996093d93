/**
 * What can be changed while the node runs: its configuration, in memory and in `config.json`. Whoever depends on it
 * listens for changes; what the command line said instead of the file is not written into it.
 */
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import { changeConfig, faultOf, type NodeConfig } from './home.ts'

export type SettingsChange = Partial<
  Pick<NodeConfig, 'name' | 'uploadLimit' | 'downloadLimit' | 'quietHours' | 'localDiscovery'>
>

export class Settings {
  readonly #home: string
  readonly #listeners = new Set<(now: NodeConfig) => void>()
  #current: NodeConfig

  constructor(home: string, config: NodeConfig) {
    this.#home = home
    this.#current = config
  }

  get current(): NodeConfig {
    return this.#current
  }

  /** All of it or nothing: durable when it returns, and everyone has been told. Kinds: `bad-request`, `home-unusable`. */
  change(changes: SettingsChange): Result<NodeConfig, LatticeError> {
    const next = { ...this.#current, ...changes }
    const fault = faultOf(next)
    if (fault !== undefined) return err(latticeError('bad-request', 'permanent', `the change ${fault}`))
    const written = changeConfig(this.#home, changes)
    if (!written.ok) return written
    this.#current = next
    for (const listener of [...this.#listeners]) listener(next)
    return ok(next)
  }

  /** Calls back after every change. Returns the undo. */
  onChange(listener: (now: NodeConfig) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
}
