/** Small file helpers of the build scripts: walking, hashing inputs, and stamps that say what an output was made from. */
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const skipped = new Set(['node_modules', 'build', 'gen', '.git', 'dist'])

/**
 * Paths of the files under `directory` that `accept` takes, in a stable order. Nothing when the directory is missing.
 * @param {string} directory
 * @param {(path: string) => boolean} accept
 * @returns {string[]}
 */
export function walk(directory, accept) {
  /** @type {import('node:fs').Dirent[]} */
  let entries
  try {
    entries = readdirSync(directory, { withFileTypes: true })
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return []
    throw error
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  return entries.flatMap((entry) => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : walk(path, accept)
    return entry.isFile() && accept(path) ? [path] : []
  })
}

/**
 * One hash over the names and contents of some files, and over `salt`.
 * @param {readonly string[]} paths
 * @param {string} salt
 */
export function hashFiles(paths, salt = '') {
  const hash = createHash('sha256').update(salt)
  for (const path of paths) hash.update(`\0${path}\0`).update(readFileSync(path))
  return hash.digest('hex')
}

/** @param {string} path */
export function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}

/** @param {string} path @param {string} text */
export function writeMakingDirectory(path, text) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}
