/** The two ends of one in-memory stream. Pieces arrive after the network's delay, in order. */
import type { PublicKey } from '#kernel/core/bytes.ts'
import type { Timers } from '../../clock.ts'
import { StreamClosedError, type ByteStream } from '../port.ts'

const BUFFER_MAX = 1024 * 1024

/** What lies between the two ends. */
export interface Link {
  readonly timers: Timers
  delayMs(): number
}

/** Whose end it is. */
export interface Owner {
  readonly self: PublicKey
  bytesSent: number
  bytesReceived: number
}

export const streamPair = (
  link: Link,
  protocol: string,
  ends: { readonly near: Owner; readonly far: Owner },
): readonly [StreamEnd, StreamEnd] => {
  const near = new StreamEnd(link, protocol, ends.near, ends.far.self)
  const far = new StreamEnd(link, protocol, ends.far, ends.near.self)
  near.pairWith(far)
  far.pairWith(near)
  return [near, far]
}

export class StreamEnd implements ByteStream {
  readonly peer: PublicKey
  readonly protocol: string
  readonly #link: Link
  readonly #owner: Owner
  #far: StreamEnd | undefined
  #inbox: (Uint8Array | undefined)[] = []
  #ended = false
  #broken: string | undefined
  /** Sent by this end and not yet read at the other. */
  #unread = 0
  #arrivesAt = 0
  #wakers: (() => void)[] = []
  #onClosed: () => void = () => undefined

  constructor(link: Link, protocol: string, owner: Owner, peer: PublicKey) {
    this.#link = link
    this.protocol = protocol
    this.#owner = owner
    this.peer = peer
  }

  pairWith(far: StreamEnd): void {
    this.#far = far
  }

  onClosed(listener: () => void): void {
    this.#onClosed = listener
  }

  async read(): Promise<Uint8Array | undefined> {
    while (this.#inbox.length === 0) {
      this.#check()
      await this.#wait()
    }
    if (this.#inbox[0] === undefined) return undefined
    const piece = this.#inbox.shift()!
    this.#owner.bytesReceived += piece.length
    this.#far!.#unread -= piece.length
    this.#far!.#wake()
    return piece
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#check()
    if (this.#ended) throw new StreamClosedError('this side was ended')
    if (bytes.length === 0) return
    this.#unread += bytes.length
    this.#owner.bytesSent += bytes.length
    this.#deliver(new Uint8Array(bytes))
    while (this.#unread > BUFFER_MAX) {
      await this.#wait()
      this.#check()
    }
  }

  async end(): Promise<void> {
    if (this.#ended || this.#broken !== undefined) return
    this.#ended = true
    this.#deliver(undefined)
    if (!this.#far!.#ended) return
    this.#onClosed()
    this.#far!.#onClosed()
  }

  abort(reason: string): void {
    if (this.#broken !== undefined) return
    this.#break(reason)
    this.#far!.#break(reason)
  }

  #break(reason: string): void {
    if (this.#broken !== undefined) return
    this.#broken = reason
    this.#inbox = []
    this.#wake()
    this.#onClosed()
  }

  #check(): void {
    if (this.#broken !== undefined) throw new StreamClosedError(this.#broken)
  }

  /** After the delay, but never before what was sent earlier. */
  #deliver(piece: Uint8Array | undefined): void {
    const now = this.#link.timers.nowMs()
    this.#arrivesAt = Math.max(this.#arrivesAt, now + this.#link.delayMs())
    this.#link.timers.after(this.#arrivesAt - now, () => {
      const far = this.#far!
      if (far.#broken !== undefined) return
      far.#inbox.push(piece)
      far.#wake()
    })
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => this.#wakers.push(resolve))
  }

  #wake(): void {
    const wakers = this.#wakers
    this.#wakers = []
    for (const wake of wakers) wake()
  }
}
