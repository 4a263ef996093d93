/**
 * What a person should know of: the latest notices, and what makes one. A notice tells of a change, so all but
 * `NoticeBoard` is a function of two sights of the node: as it was, and as it is now.
 */
import type { MessageInitShape } from '@bufbuild/protobuf'
import { NoticeKind, type NoticeSchema } from '#proto/event_api'
import { hexToBytes, type HexKey } from '#kernel/core/bytes.ts'
import type { Changes } from './dirty.ts'
import { SPACE_WARNING_BYTES } from './doctor.ts'

export type NoticeInit = MessageInitShape<typeof NoticeSchema> & { readonly id: bigint }

export interface NoticeDraft {
  readonly kind: NoticeKind
  /** Of the folder it is about, in hex. */
  readonly store?: HexKey
  /** Relative to the folder. */
  readonly path?: string
  readonly deviceName?: string
  /** See `NoticeKind` of the contract. */
  readonly about?: string
  /** One sentence for a person. */
  readonly message: string
}

const NOTICES_MAX = 100

/** The latest 100. Whoever has something to tell adds it here; the change `notice` says that there is something new. */
export class NoticeBoard {
  readonly #changes: Changes
  readonly #nowMs: () => number
  readonly #notices: NoticeInit[] = []
  #lastId = 0n

  constructor(changes: Changes, nowMs: () => number) {
    this.#changes = changes
    this.#nowMs = nowMs
  }

  add({ store, ...draft }: NoticeDraft): void {
    const storeId = store && hexToBytes(store)
    this.#notices.push({
      ...draft,
      id: ++this.#lastId,
      timeMs: BigInt(this.#nowMs()),
      storeId: storeId?.ok ? storeId.value : undefined,
    })
    if (this.#notices.length > NOTICES_MAX) this.#notices.shift()
    this.#changes.notify('notice')
  }

  /** Oldest first; ids count up. */
  list(): readonly NoticeInit[] {
    return this.#notices
  }
}

// --- what is looked at ---

export interface ConflictSight {
  readonly id: string
  readonly path: string
  readonly kind: string
  /** Another device that has a part in it; empty: this one alone made it, by bringing it back. */
  readonly deviceName: string
}

export interface FolderSight {
  readonly name: string
  readonly conflicts: readonly ConflictSight[]
  /** Empty: none. A folder that tries again is in trouble until it is known to be well. */
  readonly error: string
}

export interface DiskSight {
  /** A directory on it. */
  readonly path: string
  readonly low: boolean
}

/** The stores that a device is one of the peers of, and those that it was revoked from. */
export interface DeviceSight {
  readonly name: string
  readonly self: boolean
  readonly activeIn: ReadonlySet<HexKey>
  readonly revokedFrom: ReadonlySet<HexKey>
}

export interface Sight {
  readonly folders: ReadonlyMap<HexKey, FolderSight>
  /** By what tells one disk from another. */
  readonly disks: ReadonlyMap<string, DiskSight>
  readonly devices: ReadonlyMap<HexKey, DeviceSight>
}

export const NOTHING_SEEN: Sight = { folders: new Map(), disks: new Map(), devices: new Map() }

/** A disk that was low counts as recovered with a tenth more than what makes one low: else it would be both in turns. */
export const isLow = (freeBytes: number, wasLow: boolean): boolean =>
  freeBytes < (wasLow ? 1.1 * SPACE_WARNING_BYTES : SPACE_WARNING_BYTES)

// --- what is told ---

/** More new conflicts of one folder at once are told in one notice. */
const CONFLICTS_ONE_BY_ONE = 5

const HOW: Readonly<Record<string, string>> = {
  content: 'was changed on two sides',
  link: 'was moved to two places',
  name: 'was made on two sides',
  kind: 'was made on two sides',
}

function* conflictNotices(store: HexKey, before: FolderSight, now: FolderSight): Generator<NoticeDraft> {
  const known = new Set(before.conflicts.map(({ id }) => id))
  const added = now.conflicts.filter(({ id, deviceName }) => deviceName !== '' && !known.has(id))
  const kind = NoticeKind.CONFLICT
  if (added.length > CONFLICTS_ONE_BY_ONE)
    return yield { kind, store, message: `${added.length} files of ${now.name} were changed on two sides` }
  for (const { id, path, deviceName, kind: what } of added)
    yield {
      kind,
      store,
      path,
      deviceName,
      about: id,
      message: `${path} in ${now.name} ${HOW[what] ?? HOW['content']!}`,
    }
}

function* folderNotices(before: Sight, now: Sight): Generator<NoticeDraft> {
  for (const [store, folder] of now.folders) {
    const was = before.folders.get(store)
    // The conflicts of a folder that is new here stood before.
    if (was) yield* conflictNotices(store, was, folder)
    if (folder.error !== '' && !was?.error)
      yield { kind: NoticeKind.FOLDER_ERROR, store, message: `${folder.name} does not sync: ${folder.error}` }
  }
}

function* diskNotices(before: Sight, now: Sight): Generator<NoticeDraft> {
  for (const [disk, { path, low }] of now.disks)
    if (low && !before.disks.get(disk)?.low)
      yield {
        kind: NoticeKind.LOW_DISK,
        about: path,
        message: `little space is left on the disk of ${path}: make room`,
      }
}

function* revocations(before: Sight, now: Sight): Generator<NoticeDraft> {
  for (const [device, { name, self, revokedFrom }] of now.devices) {
    const lost = [...revokedFrom].filter((store) => before.devices.get(device)?.activeIn.has(store))
    const [only] = lost
    if (only === undefined) continue
    const who = self ? 'this device' : name
    const what = lost.length === 1 ? `${now.folders.get(only)?.name ?? 'the space'}` : `${lost.length} folders`
    yield {
      kind: NoticeKind.REVOKED,
      store: lost.length === 1 ? only : undefined,
      deviceName: name,
      about: device,
      message: `${who} was taken the rights to ${what}`,
    }
  }
}

/** What happened between two sights. `before`: `NOTHING_SEEN` at the start. */
export const noticesBetween = (before: Sight, now: Sight): readonly NoticeDraft[] => [
  ...folderNotices(before, now),
  ...diskNotices(before, now),
  ...revocations(before, now),
]
