/**
 * Keeps the index honest over a power loss without an fsync per file: entries carry the epoch they were written in,
 * and one sync of the filesystem makes an epoch durable. After a boot that is not the one the entries were written
 * under, files of later epochs are read again before they are believed.
 *
 * Where the filesystem cannot be synced as a whole (no `sync -f`), nothing counts as durable: after the next boot all
 * files written since are read again, which costs time but never truth.
 */
import { execFile } from 'node:child_process'
import fs from 'node:fs'
import { errnoOf } from './disk.ts'
import type { FolderIndex } from './folder-index.ts'
import type { Entry } from './index-codec.ts'

interface Boot {
  readonly id: string
  /** Entries up to this epoch are on disk, whatever happens. */
  readonly synced: number
  readonly epoch: number
}

const SYNC_TIMEOUT_MS = 60_000

export class Durability {
  readonly #root: string
  readonly #index: FolderIndex
  #id = ''
  #synced = 0
  #suspectAfter = Infinity
  #firstEpoch = 0

  constructor(root: string, index: FolderIndex) {
    this.#root = root
    this.#index = index
  }

  /** Called before the first scan. */
  begin(): void {
    const known = this.#index.getMeta<Boot>('boot')
    this.#id = bootId()
    this.#synced = known?.synced ?? 0
    this.#index.epoch = (known?.epoch ?? 0) + 1
    this.#firstEpoch = this.#index.epoch
    const same = known !== undefined && known.id === this.#id && this.#id !== ''
    this.#suspectAfter = known === undefined || same ? Infinity : known.synced
  }

  /** Its bytes may be lost although its stat looks right. */
  suspect(entry: Entry): boolean {
    return entry.kind === 'file' && entry.epoch > this.#suspectAfter && entry.epoch < this.#firstEpoch
  }

  /** Makes all written so far durable. */
  async sync(): Promise<void> {
    const through = this.#index.epoch++
    if (await syncFilesystem(this.#root)) this.#synced = through
  }

  /** To be written with the next commit of the index. */
  state(): Boot {
    return { id: this.#id, synced: this.#synced, epoch: this.#index.epoch }
  }
}

const bootId = (): string => {
  try {
    return fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch (error) {
    errnoOf(error)
    return '' // unknown: every start counts as one after a power loss
  }
}

const syncFilesystem = (path: string): Promise<boolean> =>
  process.platform === 'linux'
    ? new Promise((resolve) =>
        execFile('sync', ['-f', path], { timeout: SYNC_TIMEOUT_MS }, (error) => resolve(error === null)),
      )
    : Promise.resolve(false)
