/**
 * One data directory, one process. The lock is a reader slot in a tiny LMDB environment of its own: LMDB records the
 * owner's pid there and holds an operating-system lock on it, which dies with the process, so `kill -9` leaves nothing
 * that blocks. (A pid file was rejected: pids are reused, and taking over a stale file races.)
 *
 * Two processes that start at the same instant may both be refused; they never both succeed.
 */
import { open, type RootDatabase, type Transaction } from 'lmdb'
import { mkdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { StorageError, toStorageError } from './errors.ts'

export interface HomeLock extends AsyncDisposable {
  readonly home: string
}

/** Homes locked by this process: LMDB must not open one environment twice in a process. */
const held = new Set<string>()

const SLOTS_MAX = 64

/** Throws `StorageError` `home-in-use`, naming the owner's pid. Creates the directory when missing. */
export const lockHome = async (home: string): Promise<HomeLock> => {
  const path = resolveHome(home)
  if (held.has(path)) throw inUse(path, process.pid)
  held.add(path)
  let env: RootDatabase | undefined
  try {
    env = open({ path: join(path, 'home.lock'), maxDbs: 1, maxReaders: SLOTS_MAX, overlappingSync: false })
    const slot = env.useReadTransaction()
    env.readerCheck()
    const owner = pids(String(env.readerList())).find((pid) => pid !== process.pid)
    if (owner !== undefined) {
      slot.done()
      throw inUse(path, owner)
    }
    return new Held(path, env, slot)
  } catch (error) {
    await env?.close()
    held.delete(path)
    throw toStorageError(error, path)
  }
}

class Held implements HomeLock {
  readonly home: string
  readonly #env: RootDatabase
  readonly #slot: Transaction

  constructor(home: string, env: RootDatabase, slot: Transaction) {
    this.home = home
    this.#env = env
    this.#slot = slot
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!held.has(this.home)) return
    this.#slot.done()
    await this.#env.close()
    held.delete(this.home)
  }
}

const resolveHome = (home: string): string => {
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 })
    return realpathSync(home)
  } catch (error) {
    throw toStorageError(error, home)
  }
}

const inUse = (path: string, pid: number): StorageError =>
  new StorageError('home-in-use', `${path} is in use by process ${pid}: stop it first, or choose another --home`)

/** LMDB prints a header line, then `pid thread txnid` for every slot in use. */
const pids = (list: string): number[] => [...list.matchAll(/^\s*(\d+)\s/gm)].map((match) => Number(match[1]))
