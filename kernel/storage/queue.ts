/**
 * Group commit: bodies that arrive while a commit is under way wait, and then share the next one. Both backends use
 * it; they differ only in how a group is run and made durable.
 */
import { StorageError } from './errors.ts'
import type { StorageWriter } from './port.ts'

/** One queued body. `run` never throws: what the body threw waits in the entry until the group is durable. */
export interface Queued {
  run(tx: StorageWriter): { readonly failed: boolean }
  settle(): void
  fail(error: unknown): void
}

/** Bodies in one commit. Bounds how long the main thread is held and how much one commit writes. */
const GROUP_BODIES_MAX = 256

/**
 * `commit(group)` runs bodies of the group in order, at least the first, and resolves when those are durable, with
 * their number: the rest go into the next group. A rejection fails the whole group.
 */
export class GroupCommit {
  readonly #commit: (group: readonly Queued[]) => Promise<number>
  #waiting: Queued[] = []
  #running: Promise<void> | undefined
  #closed = false

  constructor(commit: (group: readonly Queued[]) => Promise<number>) {
    this.#commit = commit
  }

  push<T>(body: (tx: StorageWriter) => T): Promise<T> {
    if (this.#closed) return Promise.reject(new StorageError('storage-io', 'the store is closed'))
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push(queued(body, resolve, reject))
      this.#running ??= this.#drain()
    })
  }

  /** Resolves once everything queued so far is settled; nothing may be queued after. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#running
  }

  async #drain(): Promise<void> {
    // Bodies pushed in the same turn join the first group.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, GROUP_BODIES_MAX)
      try {
        const ran = await this.#commit(group)
        this.#waiting.unshift(...group.slice(ran))
        for (const entry of group.slice(0, ran)) entry.settle()
      } catch (error) {
        for (const entry of group) entry.fail(error)
      }
    }
    this.#running = undefined
  }
}

const queued = <T>(
  body: (tx: StorageWriter) => T,
  resolve: (value: T) => void,
  reject: (error: unknown) => void,
): Queued => {
  let outcome: { failed: false; value: T } | { failed: true; error: unknown } | undefined
  return {
    run(tx) {
      try {
        outcome = { failed: false, value: body(tx) }
      } catch (error) {
        outcome = { failed: true, error }
      }
      return outcome
    },
    settle() {
      if (outcome === undefined) reject(new StorageError('storage-io', 'the write was not run'))
      else if (outcome.failed) reject(outcome.error)
      else resolve(outcome.value)
    },
    fail: reject,
  }
}
