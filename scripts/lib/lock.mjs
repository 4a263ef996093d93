/**
 * A lock between processes of one checkout: two first runs must not install or build over each other.
 *
 * The lock is a file that names its owner's process. Its owner touches it every second; a file that was not touched
 * for 20 s belongs to a process that was killed, and is taken over, as is one whose owner is no longer there.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const staleAfterMs = 20_000
const touchEveryMs = 1_000
/** Waiting is by looking again: the owner may be killed, and then nothing would call us back. */
const lookAgainMs = 100

/**
 * Runs `work` while holding the lock at `path`; others wait for it to end.
 * @template T
 * @param {string} path
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(path, work) {
  mkdirSync(dirname(path), { recursive: true })
  while (!take(path)) await delay(lookAgainMs)
  const touching = setInterval(() => touch(path), touchEveryMs)
  try {
    return await work()
  } finally {
    clearInterval(touching)
    rmSync(path, { force: true })
  }
}

/** @param {string} path */
function take(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
  const owner = readOwner(path)
  if (owner !== undefined && isAbandoned(path, owner)) removeAbandoned(path, owner)
  return false
}

/** @param {string} path */
function readOwner(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** @param {string} path @param {string} owner */
function isAbandoned(path, owner) {
  try {
    if (Date.now() - statSync(path).mtimeMs > staleAfterMs) return true
    if (owner === '') return false
    process.kill(Number(owner), 0)
    return false
  } catch (error) {
    return codeOf(error) === 'ESRCH'
  }
}

/**
 * Moves the file aside before deleting it: if another process took the lock over in between, what was moved is
 * its file, which is then put back.
 * @param {string} path @param {string} owner
 */
function removeAbandoned(path, owner) {
  const aside = `${path}.${process.pid}`
  try {
    renameSync(path, aside)
    if (readFileSync(aside, 'utf8') !== owner) linkSync(aside, path)
  } catch (error) {
    const code = codeOf(error)
    if (code !== 'ENOENT' && code !== 'EEXIST') throw error
  } finally {
    rmSync(aside, { force: true })
  }
}

/** @param {string} path */
function touch(path) {
  try {
    const now = new Date()
    utimesSync(path, now, now)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
}

/** @param {unknown} error */
const codeOf = (error) => /** @type {NodeJS.ErrnoException} */ (error).code
