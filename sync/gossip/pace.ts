/**
 * How much a peer may say before it only wastes this device's time. Reading waits until what was said is worked off, so
 * the memory that a peer takes is bounded in any case; this bounds the work, far above what honest peers need. What is
 * beyond it counts as misdeeds, which end the connection.
 *
 * Links have a pace of their own (`MeshLinks`); refused intentions are misdeeds each.
 */
import type { PushLeg } from '../messages.ts'
import { Bucket } from './shared.ts'

/** An announcement is made whenever a store comes or goes, and names all: a space may bring thousands. */
const ANNOUNCED_MAX = 8_192
const ANNOUNCED_PER_SECOND = 512
const TAGS_PER_POINT = 256
/** Signatures to check: one for the word and for each grant. */
const WORDS_MAX = 4_096
const WORDS_PER_SECOND = 16
/** Intentions that were named to this device, that it lacks, and that did not come. */
const OWED_MAX = 262_144
const OWED_PER_SECOND = 2_048

export class Pace {
  readonly #announced = new Bucket(ANNOUNCED_MAX, ANNOUNCED_PER_SECOND)
  readonly #words = new Bucket(WORDS_MAX, WORDS_PER_SECOND)
  readonly #owed = new Bucket(OWED_MAX, OWED_PER_SECOND)

  /** Why the peer says too much by saying this; undefined: it does not. */
  over(leg: PushLeg, nowMs: number): string | undefined {
    switch (leg.case) {
      case 'announce': {
        const { tags, declined } = leg.value
        const points = 1 + Math.floor((tags.length + declined.length) / TAGS_PER_POINT)
        return this.#announced.add(points, nowMs) ? 'too many announcements' : undefined
      }
      case 'rights':
        return this.#words.add(1 + leg.value.grants.length, nowMs) ? 'too many words about rights' : undefined
      case 'intentions':
        this.#owed.take(leg.value.items.length)
        return undefined
      default:
        return undefined
    }
  }

  /** The peer has named so many intentions that this device lacks. */
  lacks(count: number, nowMs: number): string | undefined {
    return this.#owed.add(count, nowMs) ? 'it names changes and does not bring them' : undefined
  }
}
