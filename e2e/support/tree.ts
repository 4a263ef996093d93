/** Directory trees as tests compare them: every path with its type, mode, mtime and content hash. `.lattice` is left out. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'

export interface TreeOptions {
  /** Compare modification times too, to the nanosecond (files only). */
  readonly times?: boolean
}

/** Lines sorted by path, one per entry, for `expect(a).toEqual(b)`. */
export function describeTree(root: string, options: TreeOptions = {}): string[] {
  const lines: string[] = []
  const visit = (relative: string): void => {
    for (const entry of fs.readdirSync(path.join(root, relative), { withFileTypes: true })) {
      if (relative === '' && entry.name === '.lattice') continue
      const name = path.join(relative, entry.name)
      lines.push(describeEntry(root, name, entry, options))
      if (entry.isDirectory()) visit(name)
    }
  }
  visit('')
  return lines.sort()
}

function describeEntry(root: string, name: string, entry: fs.Dirent, options: TreeOptions): string {
  const full = path.join(root, name)
  if (entry.isSymbolicLink()) return `${name} -> ${fs.readlinkSync(full)}`
  const stat = fs.lstatSync(full, { bigint: true })
  const mode = (Number(stat.mode) & 0o7777).toString(8)
  if (entry.isDirectory()) return `${name}/`
  const time = options.times ? ` ${stat.mtimeNs}` : ''
  return `${name} ${mode} ${stat.size}${time} ${createHash('sha256').update(fs.readFileSync(full)).digest('hex')}`
}

/** What differs between two descriptions, for a readable failure: at most `limit` lines. */
export function differences(a: readonly string[], b: readonly string[], limit = 20): string[] {
  const inA = new Set(a)
  const inB = new Set(b)
  return [
    ...a.filter((l) => !inB.has(l)).map((l) => `- ${l}`),
    ...b.filter((l) => !inA.has(l)).map((l) => `+ ${l}`),
  ].slice(0, limit)
}
