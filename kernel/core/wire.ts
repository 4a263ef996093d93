/** Strict, bounded reading and writing of the protobuf wire pieces and varints that hashed and stored records use. */

/** The bytes are not what the format allows. Thrown inside a parser, turned into a `Result` at its edge. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError'
  readonly kind: 'malformed' | 'too-large'

  constructor(message: string, kind: 'malformed' | 'too-large' = 'malformed') {
    super(message)
    this.kind = kind
  }
}

/** Base-128, least group first, as in protobuf. `value` is a safe integer. */
export const varintBytes = (value: number): Uint8Array => {
  const out: number[] = []
  for (; value >= 0x80; value = Math.floor(value / 0x80)) out.push((value % 0x80) | 0x80)
  out.push(value)
  return Uint8Array.from(out)
}

/** Reads forward; every method throws `MalformedError` instead of reading past the end. Returned bytes are views. */
export class ByteReader {
  readonly #bytes: Uint8Array
  #at = 0
  /** The last tag that was taken. */
  previousTag = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at === this.#bytes.length
  }

  end(): void {
    if (!this.done) throw new MalformedError('unknown, repeated or misplaced field, or bytes after the end')
  }

  /** Steps over the one-byte tag if it comes next. */
  take(tag: number): boolean {
    if (this.#bytes[this.#at] !== tag) return false
    this.#at++
    this.previousTag = tag
    return true
  }

  expect(tag: number, what: string): void {
    if (!this.take(tag)) throw new MalformedError(`no ${what} where it belongs`)
  }

  /** A minimal varint up to 2^53 - 1. */
  varint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 8; i++, scale *= 0x80) {
      const byte = this.#bytes[this.#at]
      if (byte === undefined) break
      this.#at++
      value += (byte & 0x7f) * scale
      if (byte >= 0x80) continue
      if (byte === 0 && i > 0) throw new MalformedError('a number is not in its shortest form')
      if (value > Number.MAX_SAFE_INTEGER) break
      return value
    }
    throw new MalformedError('a number is cut off or too large')
  }

  fixed64(): bigint {
    const raw = this.raw(8)
    return new DataView(raw.buffer, raw.byteOffset, 8).getBigUint64(0, true)
  }

  /** A length, then that many bytes. */
  bytes(): Uint8Array {
    return this.raw(this.varint())
  }

  fixedBytes(length: number, what: string): Uint8Array {
    const got = this.varint()
    if (got !== length) throw new MalformedError(`${what} has ${got} bytes instead of ${length}`)
    return this.raw(length)
  }

  raw(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) throw new MalformedError('the bytes end early')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }
}
