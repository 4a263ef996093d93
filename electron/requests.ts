/**
 * Places of the app that were asked for from outside the page. The page may not be there yet, so the latest few wait
 * for it; each is told once.
 */
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { WatchRequestsResponseSchema } from '#proto/desktop_api'

export type PlaceRequest = NonNullable<MessageInitShape<typeof WatchRequestsResponseSchema>['request']>

const WAITING_MAX = 16

export class PlaceRequests {
  readonly #waiting: PlaceRequest[] = []
  #reader: { wake(): void } | undefined

  add(request: PlaceRequest): void {
    this.#waiting.push(request)
    if (this.#waiting.length > WAITING_MAX) this.#waiting.shift()
    this.#reader?.wake()
  }

  /** Whoever asks last is told, and ends the stream of who asked before: a page that was reloaded replaces itself. */
  async *follow(signal: AbortSignal): AsyncGenerator<PlaceRequest> {
    let woken = Promise.withResolvers<void>()
    const reader = { wake: () => woken.resolve() }
    const previous = this.#reader
    this.#reader = reader
    previous?.wake()
    signal.addEventListener('abort', reader.wake, { once: true })
    while (!signal.aborted && this.#reader === reader) {
      const next = this.#waiting.shift()
      if (next !== undefined) {
        yield next
        continue
      }
      await woken.promise
      woken = Promise.withResolvers<void>()
    }
    if (this.#reader === reader) this.#reader = undefined
  }
}
