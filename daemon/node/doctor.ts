/** Checks of what can keep a node from working, each with a sentence that says what to do. */
import { readFileSync, statSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { Verdict, type CheckSchema } from '#proto/node_api'
import type { StorageBackend } from '#kernel/storage/port.ts'
import type { StoreManager } from '#kernel/store/port.ts'
import type { Transport } from '#sync/transport/port.ts'
import type { FolderEntry } from './parts.ts'

type Check = MessageInitShape<typeof CheckSchema>

const found = (name: string, verdict: Verdict, message: string): Check => ({ name, verdict, message })
const good = (name: string, message: string): Check => found(name, Verdict.OK, message)
const warning = (name: string, message: string): Check => found(name, Verdict.WARNING, message)
const failed = (name: string, message: string): Check => found(name, Verdict.FAILED, message)

/** Less is little. */
export const SPACE_WARNING_BYTES = 1_000_000_000
const SPACE_FAILED_BYTES = 50_000_000
/** Any date before this program was written. */
const EARLIEST_MS = Date.UTC(2025, 0, 1)
/** A node with a few folders of thousands of directories needs this many. */
const WATCHES_MIN = 65_536

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`

export const checkHome = (home: string): Check => {
  const { mode, uid } = statSync(home)
  if (process.getuid && uid !== process.getuid()) return warning('home', `${home} belongs to another user`)
  return (mode & 0o077) === 0
    ? good('home', `${home} is readable by you alone`)
    : failed('home', `others can read ${home}: run \`chmod 700\` on it`)
}

/** What an ordinary user may still write on the disk of a directory. */
export const freeBytes = async (path: string): Promise<number> => {
  const { bavail, bsize } = await statfs(path)
  return bavail * bsize
}

export const checkDisk = async (name: string, path: string): Promise<Check> => {
  const free = await freeBytes(path)
  if (free < SPACE_FAILED_BYTES) return failed(name, `only ${megabytes(free)} are free at ${path}: make room`)
  if (free < SPACE_WARNING_BYTES) return warning(name, `only ${megabytes(free)} are free at ${path}`)
  return good(name, `${megabytes(free)} are free at ${path}`)
}

/** The log cannot lie about time: an intention far in the future floats, so a clock that is behind holds others up. */
export const checkClock = (nowMs: number, newestMs: number): Check => {
  if (nowMs < EARLIEST_MS) return failed('clock', `the clock says ${new Date(nowMs).toISOString()}: set it`)
  const aheadMs = newestMs - nowMs
  return aheadMs > 60_000
    ? warning(
        'clock',
        `a change is dated ${Math.round(aheadMs / 1000)} s in the future: is this clock right, or the other device’s?`,
      )
    : good('clock', 'the clock agrees with the changes seen')
}

const checkWatches = (): Check => {
  try {
    const limit = Number(readFileSync('/proc/sys/fs/inotify/max_user_watches', 'utf8'))
    return limit >= WATCHES_MIN
      ? good('watches', `${limit} directories can be watched`)
      : warning(
          'watches',
          `only ${limit} directories can be watched: raise fs.inotify.max_user_watches to ${WATCHES_MIN}`,
        )
  } catch {
    return good('watches', 'this system sets no limit on watched directories')
  }
}

const checkStorage = (storage: StorageBackend, stores: StoreManager): Check => {
  const broken = stores.list().filter((store) => {
    const [last] = store.dag.heads()
    return last !== undefined && (store.dag.get(last) === undefined || store.dag.signedBytes(last) === undefined)
  })
  return broken.length === 0
    ? good('storage', `${stores.list().length} stores are whole, ${megabytes(storage.sizeBytes)} on disk`)
    : failed(
        'storage',
        `the log of ${broken.map(({ name }) => name).join(', ')} is damaged: run \`lattice store rebuild\``,
      )
}

const checkNetwork = (transport: Transport): Check => {
  const addresses = transport.addresses()
  if (addresses.length === 0) return failed('network', 'the node listens nowhere: nobody can reach it')
  const peers = transport.connections().length
  return good(
    'network',
    `listens on ${addresses.join(', ')}; ${peers === 1 ? '1 peer is' : `${peers} peers are`} connected`,
  )
}

const checkFolder = async (entry: FolderEntry): Promise<readonly Check[]> => {
  const { store, path, paused, failure, status } = entry
  if (path === '') return []
  const name = `folder ${store.name}`
  if (failure) return [failed(name, failure.message)]
  if (paused || !status) return [good(name, 'is paused')]
  if (status.error) return [failed(name, status.error.message)]
  const problems = status.problems.map((problem) => warning(name, `${problem.path}: ${problem.message}`))
  if (status.watching === 'rescans')
    problems.unshift(warning(name, 'too few watches are left: changes are found by rescans'))
  return problems.length > 0 ? problems : [good(name, 'has no problem'), await checkDisk(name, path)]
}

export interface Examined {
  readonly home: string
  readonly storage: StorageBackend
  readonly stores: StoreManager
  readonly transport: Transport
  readonly folders: readonly FolderEntry[]
  /** Unix ms of the newest change known. */
  readonly newestMs: number
}

export const examine = async (node: Examined): Promise<Check[]> => [
  checkHome(node.home),
  good('lock', `process ${process.pid} owns the home`),
  checkClock(Date.now(), node.newestMs),
  await checkDisk('disk', node.home),
  checkStorage(node.storage, node.stores),
  checkNetwork(node.transport),
  checkWatches(),
  ...(await Promise.all(node.folders.map(checkFolder))).flat(),
]
