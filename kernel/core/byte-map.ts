/**
 * A map whose keys are short byte strings, in the order they came. To make a string of each key instead, as a `Map`
 * would want, takes more time than all else that is done with what lies under it. Holds the keys: nobody changes them.
 */
import { bytesToHex, equalBytes } from './bytes.ts'

interface Slot<Value> {
  readonly key: Uint8Array
  value: Value
  /** The next key of the same hash. */
  next: Slot<Value> | undefined
}

/** FNV-1a, 32 bits. */
export const hashOf = (key: Uint8Array): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key[i]!, 0x01000193)
  return hash
}

/**
 * Keys that share a hash are looked through one by one, but no more than these: peers choose keys, and one who made
 * them collide could make every look a long one. Any further ones are told apart by the engine's own, seeded hash.
 */
const CHAIN_MAX = 8

export class ByteMap<Value> {
  readonly #byHash = new Map<number, Slot<Value>>()
  readonly #crowded = new Map<string, Slot<Value>>()
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
    const first = this.#byHash.get(hash)
    const slot: Slot<Value> = { key, value, next: undefined }
    if (lengthOf(first) < CHAIN_MAX) {
      slot.next = first
      this.#byHash.set(hash, slot)
    } else this.#crowded.set(bytesToHex(key), slot)
    this.#slots.push(slot)
  }

  values(): Value[] {
    return this.#slots.map(({ value }) => value)
  }

  clear(): void {
    this.#byHash.clear()
    this.#crowded.clear()
    this.#slots.length = 0
  }

  #find(key: Uint8Array, hash: number): Slot<Value> | undefined {
    let length = 0
    for (let slot = this.#byHash.get(hash); slot !== undefined; slot = slot.next, length++)
      if (equalBytes(slot.key, key)) return slot
    return length < CHAIN_MAX ? undefined : this.#crowded.get(bytesToHex(key))
  }
}

const lengthOf = <Value>(first: Slot<Value> | undefined): number => {
  let length = 0
  for (let slot = first; slot !== undefined; slot = slot.next) length++
  return length
}
