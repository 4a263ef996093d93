/** What the desktop app and the processes under it take, from /proc; for `desktop.mjs`. */
import { readdirSync, readFileSync } from 'node:fs'

/**
 * `anon`: what of it is no file. `files`: the files that most of it is of.
 * @typedef {{ kind: string, pss: number, anon: number, files: Record<string, number> }} ProcessSize in MiB
 */

/** A process may end while it is looked at. @param {string} path */
function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** The fields of its `stat` after the name, which may hold anything. @param {string | number} pid */
const statOf = (pid) =>
  readIfThere(`/proc/${pid}/stat`)
    .replace(/^.*\) /, '')
    .split(' ')

/** The process and all under it. @param {number} pid @returns {number[]} */
function treeOf(pid) {
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && statOf(name)[1] === String(pid))
  return [pid, ...children.flatMap((child) => treeOf(Number(child)))]
}

/** By the name of the file, the largest first. @param {number} pid */
function filesOf(pid) {
  /** @type {Map<string, number>} */
  const sizes = new Map()
  let name = ''
  for (const line of readIfThere(`/proc/${pid}/smaps`).split('\n')) {
    const mapping = /^[\da-f]+-[\da-f]+ \S+ \S+ \S+ \d+\s*(.*)$/.exec(line)
    if (mapping) name = (mapping[1] ?? '').replace(/.*\//, '')
    const kB = /^Pss:\s+(\d+) kB/.exec(line)?.[1]
    if (kB !== undefined && name !== '' && !name.startsWith('[')) sizes.set(name, (sizes.get(name) ?? 0) + Number(kB))
  }
  const largest = [...sizes].sort(([, a], [, b]) => b - a).slice(0, 5)
  return Object.fromEntries(largest.map(([file, kB]) => [file, kB / 1024]))
}

/** @param {number} pid @returns {ProcessSize} */
function sizeOf(pid) {
  const rollup = readIfThere(`/proc/${pid}/smaps_rollup`)
  const read = (/** @type {string} */ name) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1] ?? 0) / 1024
  const command = readIfThere(`/proc/${pid}/cmdline`)
  const kind = /--type=([\w-]+)/.exec(command)?.[1] ?? 'main'
  const service = /--utility-sub-type=([\w.]+)/.exec(command)?.[1]
  return { kind: service ? `${kind} ${service}` : kind, pss: read('Pss'), anon: read('Pss_Anon'), files: filesOf(pid) }
}

/** The proportional share (PSS) of each process. @param {number} pid */
export const processSizes = (pid) => treeOf(pid).map(sizeOf)

/** What they have had of the processors so far; of those that ended, what was waited for. @param {number} pid */
export const cpuSeconds = (pid) =>
  treeOf(pid).reduce((sum, each) => {
    const [user = 0, system = 0, childUser = 0, childSystem = 0] = statOf(each).slice(11, 15).map(Number)
    return sum + (user + system + childUser + childSystem) / 100
  }, 0)
