/** What a synced folder is composed of, and what it is told. */
import type { PublicKey } from '#kernel/core/bytes.ts'
import type { BlobSource, CasBackend, ContentHasher, InplaceBackend, StoringBackend } from '#kernel/cas/port.ts'
import type { StorageBackend } from '#kernel/storage/port.ts'
import type { Store } from '#kernel/store/port.ts'
import type { DeviceName } from '../filestore/port.ts'
import type { FolderTimers } from './status.ts'
import type { Touched } from './touched.ts'
import type { watchFolder } from './watcher.ts'

export interface FolderDeps {
  readonly store: Store
  readonly backend: StorageBackend
  /** This device's key: the author of what it writes. */
  readonly device: PublicKey
  readonly deviceName: DeviceName
  readonly inplace: InplaceBackend
  /** Everything that lies on this device, `inplace` included. */
  readonly local: CasBackend
  /** Where chunk lists of long files are kept. */
  readonly chunks: StoringBackend
  readonly hasher: ContentHasher
  readonly blobs: BlobSource
  readonly timers?: FolderTimers
  /** How changes on disk are noticed. */
  readonly watch?: typeof watchFolder
  /** Until then the process has more urgent work: looking at everything goes no further than its first slice. */
  readonly urgentUntil?: Promise<void>
  /** Where it is noted which directories something happened in. */
  readonly touched?: Touched
}

export interface FolderOptions {
  readonly path: string
  /** Roots of the other synced folders of this device. */
  readonly others?: readonly string[]
  /** Lattice's own data directory. */
  readonly home?: string
}
