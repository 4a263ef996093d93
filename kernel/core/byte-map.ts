/**
 * A map whose keys are short byte strings, in the order they came. To make a string of each key instead, as a `Map`
 * would want, takes more time than all else that is done with what lies under it. Holds the keys: nobody changes them.
 */
import { equalBytes } from './bytes.ts'

interface Slot<Value> {
  readonly key: Uint8Array
  value: Value
  /** The next key of the same hash. */
  next: Slot<Value> | undefined
}

/** FNV-1a, 32 bits. */
const hashOf = (key: Uint8Array): number => {
  let hash = 0x811c9dc5
  for (const byte of key) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash
}

export class ByteMap<Value> {
  readonly #byHash = new Map<number, Slot<Value>>()
  readonly #slots: Slot<Value>[] = []

  get size(): number {
    return this.#slots.length
  }

  get(key: Uint8Array): Value | undefined {
    return this.#find(key, hashOf(key))?.value
  }

  has(key: Uint8Array): boolean {
    return this.#find(key, hashOf(key)) !== undefined
  }

  set(key: Uint8Array, value: Value): void {
    const hash = hashOf(key)
    const found = this.#find(key, hash)
    if (found) {
      found.value = value
      return
    }
    const slot = { key, value, next: this.#byHash.get(hash) }
    this.#byHash.set(hash, slot)
    this.#slots.push(slot)
  }

  *values(): Generator<Value> {
    for (const { value } of this.#slots) yield value
  }

  clear(): void {
    this.#byHash.clear()
    this.#slots.length = 0
  }

  #find(key: Uint8Array, hash: number): Slot<Value> | undefined {
    let slot = this.#byHash.get(hash)
    while (slot !== undefined && !equalBytes(slot.key, key)) slot = slot.next
    return slot
  }
}
