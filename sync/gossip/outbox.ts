/**
 * What waits to be pushed to one peer, on one long-lived stream of `/lattice/push/1`. Written as fast as the stream
 * takes it: whatever piled up meanwhile goes out together. Kept as hashes and read when written, so a slow peer costs
 * a few bytes per intention; beyond `HASHES_KEPT_MAX` the rest is forgotten and `overflowed` says so.
 */
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { PushMessageSchema, type LinksSchema } from '#proto/wire'
import { bytesToHex, type Hash, type HexKey } from '#kernel/core/bytes.ts'
import type { Store } from '#kernel/store/port.ts'
import type { LastWord } from '#kernel/store/revocation.ts'
import { FrameWriter } from '../framing.ts'
import { HASHES_MAX, type PushLeg } from '../messages.ts'
import { StreamClosedError, type ByteStream } from '../transport/port.ts'

export const PUSH_PROTOCOL = '/lattice/push/1'
const HASHES_KEPT_MAX = 16_384
const BATCH_BYTES = 256 * 1024

type LinksInit = MessageInitShape<typeof LinksSchema>

interface Waiting {
  readonly store: Store
  bodies: Hash[]
  have: Hash[]
  fetch: Hash[]
  progress: boolean
}

/** See `Announce` in wire.proto. */
export interface Announcement {
  readonly tags: readonly Hash[]
  readonly declined: readonly Hash[]
  readonly addresses: readonly string[]
}

export interface OutboxHooks {
  /** The store is still open here; of one that was removed nothing can be read. */
  isHeld(store: Store): boolean
  open(): Promise<ByteStream | undefined>
  progressOf(store: Store): { count: number; fingerprint: Uint8Array; pendingIn: number; settled: boolean }
  overflowed(store: Store): void
  /** The stream broke; nothing is sent from here on. */
  broken(): void
  pushed(count: number): void
}

export class Outbox {
  readonly #hooks: OutboxHooks
  readonly #waiting = new Map<HexKey, Waiting>()
  readonly #words = new Map<HexKey, { readonly store: Store; readonly word: LastWord }>()
  #announce: Announcement | undefined
  #links: LinksInit | undefined
  #stream: ByteStream | undefined
  #writing = false
  #closed = false

  constructor(hooks: OutboxHooks) {
    this.#hooks = hooks
  }

  announce(announcement: Announcement): void {
    this.#announce = announcement
    this.#flush()
  }

  add(store: Store, kind: 'bodies' | 'have' | 'fetch', hashes: readonly Hash[]): void {
    if (hashes.length === 0 || this.#closed) return
    const waiting = this.#of(store)
    if (waiting[kind].length + hashes.length > HASHES_KEPT_MAX) {
      waiting[kind] = []
      this.#hooks.overflowed(store)
    } else waiting[kind].push(...hashes)
    this.#flush()
  }

  /** Tells how far this device is, after what waits of the store. */
  progress(store: Store): void {
    if (this.#closed) return
    this.#of(store).progress = true
    this.#flush()
  }

  /** Replaces what waits to be said of this device's connections. */
  links(links: LinksInit): void {
    this.#links = links
    this.#flush()
  }

  /** Tells the peer what became of its rights in a store. */
  rights(store: Store, word: LastWord): void {
    if (this.#closed) return
    this.#words.set(bytesToHex(store.id), { store, word })
    this.#flush()
  }

  close(): void {
    this.#closed = true
    this.#stream?.abort('closed')
  }

  #of(store: Store): Waiting {
    const key = bytesToHex(store.id)
    let waiting = this.#waiting.get(key)
    if (!waiting) this.#waiting.set(key, (waiting = { store, bodies: [], have: [], fetch: [], progress: false }))
    return waiting
  }

  #flush(): void {
    if (this.#writing || this.#closed) return
    this.#writing = true
    this.#write().catch((error: unknown) => {
      if (!(error instanceof StreamClosedError)) throw error
      this.#break()
    })
  }

  #break(): void {
    if (this.#closed) return
    this.#closed = true
    this.#hooks.broken()
  }

  async #write(): Promise<void> {
    if (!this.#stream) {
      const stream = await this.#hooks.open()
      if (!stream || this.#closed) return stream ? stream.abort('closed') : this.#break()
      this.#stream = stream
      void this.#watchFor(stream)
    }
    const writer = new FrameWriter(this.#stream)
    for (let leg = this.#next(); leg && !this.#closed; leg = this.#next())
      await writer.write(toBinary(PushMessageSchema, create(PushMessageSchema, { message: leg })))
    this.#writing = false
  }

  /** The peer never speaks here: a read ends when the stream does, even while nothing is being written. */
  async #watchFor(stream: ByteStream): Promise<void> {
    try {
      await stream.read()
      stream.abort('nothing is said on this side')
    } catch (error) {
      if (!(error instanceof StreamClosedError)) throw error
    }
    this.#break()
  }

  /** The announcement first; of a store, questions before news, and progress after the news it counts. */
  #next(): Leg | undefined {
    const announce = this.#announce
    if (announce) {
      this.#announce = undefined
      return leg('announce', {
        tags: [...announce.tags],
        declined: [...announce.declined],
        addresses: [...announce.addresses],
      })
    }
    const links = this.#links
    if (links) {
      this.#links = undefined
      return leg('links', links)
    }
    for (const [key, { store, word }] of this.#words) {
      this.#words.delete(key)
      return leg('rights', { storeId: store.id, word: word.word, grants: [...word.grants] })
    }
    for (const [key, waiting] of this.#waiting) {
      const storeId = waiting.store.id
      if (!this.#hooks.isHeld(waiting.store)) {
        this.#waiting.delete(key)
        continue
      }
      if (waiting.fetch.length > 0) return leg('fetch', { storeId, hashes: waiting.fetch.splice(0, HASHES_MAX) })
      if (waiting.bodies.length > 0) {
        const items = this.#takeBodies(waiting)
        if (items.length > 0) return leg('intentions', { storeId, items })
      }
      if (waiting.have.length > 0) return leg('have', { storeId, hashes: waiting.have.splice(0, HASHES_MAX) })
      this.#waiting.delete(key)
      if (waiting.progress) {
        const { count, fingerprint, pendingIn, settled } = this.#hooks.progressOf(waiting.store)
        return leg('progress', {
          storeId,
          count: BigInt(count),
          fingerprint,
          pendingIn: BigInt(pendingIn),
          settled,
        })
      }
    }
    return undefined
  }

  #takeBodies(waiting: Waiting): Uint8Array[] {
    const items: Uint8Array[] = []
    let size = 0
    let taken = 0
    for (const hash of waiting.bodies) {
      if (size >= BATCH_BYTES || items.length >= HASHES_MAX) break
      taken++
      const bytes = waiting.store.dag.signedBytes(hash)
      if (!bytes) continue
      items.push(bytes)
      size += bytes.length
    }
    waiting.bodies = waiting.bodies.slice(taken)
    this.#hooks.pushed(items.length)
    return items
  }
}

type Leg = NonNullable<MessageInitShape<typeof PushMessageSchema>['message']>

const leg = <K extends PushLeg['case']>(kind: K, value: Extract<Leg, { case: K }>['value']): Leg =>
  ({ case: kind, value }) as Leg
