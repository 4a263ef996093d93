/**
 * A transport that can be shut: connections stay, but no stream is opened or taken, and those that were are broken off.
 * Opening it again drops the connections: both ends dial anew and start over with each other, so that nothing is left
 * waiting for a peer that had given up.
 */
import { err, latticeError, type Result } from '#kernel/core/result.ts'
import type { ByteStream, Connection, Transport, TransportError, TransportEvents } from './port.ts'

const SHUT = 'nothing is sent or fetched now'

export class GatedTransport implements Transport {
  readonly #inner: Transport
  readonly #streams = new Set<ByteStream>()
  #isShut = false

  constructor(inner: Transport) {
    this.#inner = inner
  }

  get self(): Transport['self'] {
    return this.#inner.self
  }

  get bytesSent(): number {
    return this.#inner.bytesSent
  }

  get bytesReceived(): number {
    return this.#inner.bytesReceived
  }

  get isShut(): boolean {
    return this.#isShut
  }

  shut(): void {
    this.#isShut = true
    for (const stream of [...this.#streams]) stream.abort(SHUT)
    this.#streams.clear()
  }

  /** Resolves when the old connections are gone. */
  async reopen(): Promise<void> {
    if (!this.#isShut) return
    this.#isShut = false
    await Promise.all(this.#inner.connections().map(({ peer }) => this.#inner.disconnect(peer)))
  }

  addresses(): readonly string[] {
    return this.#inner.addresses()
  }

  connections(): readonly Connection[] {
    return this.#inner.connections()
  }

  connect(...args: Parameters<Transport['connect']>): ReturnType<Transport['connect']> {
    return this.#inner.connect(...args)
  }

  disconnect(...args: Parameters<Transport['disconnect']>): Promise<void> {
    return this.#inner.disconnect(...args)
  }

  async open(...args: Parameters<Transport['open']>): Promise<Result<ByteStream, TransportError>> {
    if (this.#isShut) return err(latticeError('closed', 'retryable', SHUT))
    const opened = await this.#inner.open(...args)
    if (!opened.ok) return opened
    if (!this.#isShut) return { ok: true, value: this.#tracked(opened.value) }
    opened.value.abort(SHUT)
    return err(latticeError('closed', 'retryable', SHUT))
  }

  handle(
    protocol: string,
    options: { readonly maxPerPeer: number },
    handler: (stream: ByteStream) => Promise<void>,
  ): () => void {
    return this.#inner.handle(protocol, options, async (stream) => {
      if (this.#isShut) return stream.abort(SHUT)
      const tracked = this.#tracked(stream)
      try {
        await handler(tracked)
      } finally {
        this.#streams.delete(tracked)
      }
    })
  }

  on<K extends keyof TransportEvents>(event: K, listener: TransportEvents[K]): () => void {
    return this.#inner.on(event, listener)
  }

  /** It belongs to whoever made it. */
  async [Symbol.asyncDispose](): Promise<void> {}

  /** Known until it is over: whoever opened it reads it to its end, or aborts it. */
  #tracked(stream: ByteStream): ByteStream {
    const over = (): void => void this.#streams.delete(tracked)
    /** Undefined or 0 bytes: it has ended. */
    const watched = async <T extends Uint8Array | number | undefined>(reading: Promise<T>): Promise<T> => {
      try {
        const found = await reading
        if (!found) over()
        return found
      } catch (cause) {
        over()
        throw cause
      }
    }
    const tracked: ByteStream = {
      peer: stream.peer,
      protocol: stream.protocol,
      read: () => watched(stream.read()),
      ...(stream.readInto && { readInto: (target: Uint8Array) => watched(stream.readInto!(target)) }),
      write: (bytes) => stream.write(bytes),
      end: () => stream.end(),
      abort(reason) {
        over()
        stream.abort(reason)
      },
    }
    this.#streams.add(tracked)
    return tracked
  }
}
