/**
 * Buffers that are used again: one for each chunk or frame would be collected a thousand times a second, and its pages
 * be made anew by the system.
 */
export class Rooms {
  readonly #bytesEach: number
  readonly #free: ArrayBuffer[] = []
  readonly #lent = new WeakSet<ArrayBufferLike>()

  constructor(bytesEach: number) {
    this.#bytesEach = bytesEach
  }

  /** Memory of that length, which may hold anything. What is longer than a room is made for the purpose. */
  readonly lend = (length: number): Uint8Array<ArrayBuffer> => {
    if (length > this.#bytesEach) return new Uint8Array(length)
    const buffer = this.#free.pop() ?? (Buffer.allocUnsafeSlow(this.#bytesEach).buffer as ArrayBuffer)
    this.#lent.add(buffer)
    return new Uint8Array(buffer, 0, length)
  }

  /** Bytes that lie elsewhere, or were given back already, are left alone. */
  giveBack(bytes: Uint8Array): void {
    if (this.#lent.delete(bytes.buffer)) this.#free.push(bytes.buffer as ArrayBuffer)
  }
}
