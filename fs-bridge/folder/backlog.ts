/** The inodes whose disk is not yet what everyone sees, by what they wait for. */
import { hexToBytes } from '#kernel/core/bytes.ts'
import { inodeKey } from '../filestore/values.ts'
import type { Inode } from '../filestore/port.ts'

export class Backlog {
  readonly #ready = new Map<string, Inode>()
  /** Taken and not done yet. */
  readonly #taken = new Map<string, Inode>()
  /** Waits until something else happened first. */
  readonly #deferred = new Map<string, Inode>()
  /** No peer had the content. */
  readonly #stalled = new Map<string, Inode>()
  /** Somebody may have it by now, who could not be asked when the last were taken. */
  #isAskedAnew = false
  /** Path of a change of the user's that was refused → what waits for him to take it back. */
  readonly #refused = new Map<string, Map<string, Inode>>()

  /** What waits for the user is not counted: it may wait for ever. */
  get size(): number {
    return this.#ready.size + this.#taken.size + this.#deferred.size + this.#stalled.size
  }

  /** Those that `size` counts. May be read while others come and go. */
  *all(): Generator<Inode> {
    for (const some of [this.#ready, this.#taken, this.#deferred, this.#stalled]) yield* some.values()
  }

  get hasReady(): boolean {
    return this.#ready.size > 0
  }

  get hasUnfinished(): boolean {
    return this.#ready.size + this.#taken.size + this.#deferred.size > 0
  }

  get stalled(): readonly string[] {
    return [...this.#stalled.keys()]
  }

  /** What no peer had. May be read while others come and go. */
  stalledInodes(): Iterable<Inode> {
    return this.#stalled.values()
  }

  /** It is not done with, whatever it waits for. */
  has(inode: Inode): boolean {
    const key = inodeKey(inode)
    return this.#ready.has(key) || this.#taken.has(key) || this.#deferred.has(key) || this.#stalled.has(key)
  }

  add(inode: Inode): void {
    const key = inodeKey(inode)
    this.#ready.set(key, inode)
    this.#deferred.delete(key)
    this.#stalled.delete(key)
  }

  addHex(hex: string): void {
    const inode = hexToBytes(hex)
    if (inode.ok && inode.value.length === 16) this.add(inode.value as Inode)
  }

  /** They count as unfinished until `done`; what is added meanwhile comes again. */
  take(max: number): readonly Inode[] {
    for (const [key, inode] of this.#ready) {
      if (this.#taken.size >= max) break
      this.#taken.set(key, inode)
      this.#ready.delete(key)
    }
    this.#isAskedAnew = false
    return [...this.#taken.values()]
  }

  done(): void {
    this.#taken.clear()
  }

  /** What was taken was not done: it is ready again. */
  failed(): void {
    for (const [key, inode] of this.#taken) this.#ready.set(key, inode)
    this.#taken.clear()
  }

  defer(inode: Inode): void {
    this.#deferred.set(inodeKey(inode), inode)
  }

  undefer(): void {
    for (const [key, inode] of this.#deferred) this.#ready.set(key, inode)
    this.#deferred.clear()
  }

  /** Of what was taken last. If a peer came since, it is not waited for: it is ready again. */
  stall(inode: Inode): void {
    const waiting = this.#isAskedAnew ? this.#ready : this.#stalled
    waiting.set(inodeKey(inode), inode)
  }

  unstall(): void {
    for (const [key, inode] of this.#stalled) this.#ready.set(key, inode)
    this.#stalled.clear()
    this.#isAskedAnew = true
  }

  /** The user's change at this path was refused. */
  refuse(path: string): void {
    if (!this.#refused.has(path)) this.#refused.set(path, new Map())
  }

  /** True if the inode now waits until the user's change at the path is gone. */
  waitsForUser(path: string, inode: Inode): boolean {
    const waiting = this.#refused.get(path)
    waiting?.set(inodeKey(inode), inode)
    return waiting !== undefined
  }

  /** Something happened at the path: it may be as it was before. */
  reconsider(path: string): void {
    for (const [key, inode] of this.#refused.get(path) ?? []) this.#ready.set(key, inode)
    this.#refused.delete(path)
  }

  /** Everything refused is tried again. True if there was anything. */
  reconsiderAll(): boolean {
    const any = this.#refused.size > 0
    for (const path of [...this.#refused.keys()]) this.reconsider(path)
    return any
  }
}
