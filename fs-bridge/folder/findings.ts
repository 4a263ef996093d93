/** What was seen on disk in one batch. Of what was seen twice, the later holds. */
import { inodeKey } from '../filestore/values.ts'
import type { Entry } from './index-codec.ts'
import { isBelow, type Dropped, type Gone, type Present, type Same, type Seen } from './observe.ts'

const keyOf = ({ parent, name }: Entry): string => `-${inodeKey(parent)}/${name}`

const isHearsay = (one: Gone | Same): boolean => one.what === 'gone' && one.inAnother === true

export class Findings {
  /** Path, or key of an entry → what is to be ingested whatever else is found. */
  readonly #sure = new Map<string, Present | Dropped>()
  /** Where each directory of the disk that is present was seen last. */
  readonly #dirs = new Map<string, string>()
  /** What may still be found elsewhere, or in its place again. */
  readonly #open = new Map<string, Gone | Same>()

  add(one: Seen): void {
    if (one.what === 'present') {
      if (one.looked.kind === 'dir') this.#forgetEarlier(one)
      this.#sure.set(one.path, one)
    } else if (one.what === 'dropped') this.#sure.set(keyOf(one.entry), one)
    // What was found in its directory may be deleted later, but another directory tells nothing of it.
    else if (!isHearsay(one) || !this.#open.has(keyOf(one.entry))) this.#open.set(keyOf(one.entry), one)
  }

  get sureCount(): number {
    return this.#sure.size
  }

  /** What need not wait for the rest; it is forgotten here. */
  takeSure(): readonly Seen[] {
    const out = [...this.#sure.values()]
    this.#sure.clear()
    this.#dirs.clear()
    return out
  }

  all(): readonly Seen[] {
    return [...this.#sure.values(), ...this.#open.values()]
  }

  /** Entries that are not where the index has them. */
  gone(): readonly Entry[] {
    return [...this.#open.values()].flatMap((one) => (one.what === 'gone' ? [one.entry] : []))
  }

  /**
   * A new directory that is walked twice has another inode each time: what was seen in it belongs to the first. And one
   * that moves while the folder is walked may be seen at both paths, but is in one place: two would share what it holds,
   * and all of that would be gone with the first.
   */
  #forgetEarlier({ path, looked: { ino, birthNs } }: Present): void {
    const identity = `${ino} ${birthNs}`
    const earlier = this.#dirs.get(identity)
    if (earlier !== undefined && earlier !== path && this.#sure.delete(earlier)) this.#forgetBelow(earlier)
    if (this.#sure.has(path)) this.#forgetBelow(path)
    this.#dirs.set(identity, path)
  }

  #forgetBelow(dir: string): void {
    const dirs = new Set([dir])
    for (const [key, one] of this.#sure) if (one.what === 'present' && isBelow(dirs, one.path)) this.#sure.delete(key)
  }
}
