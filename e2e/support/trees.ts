/** Directory trees as tests write and compare them: small ones as values, large ones as lines. `.lattice` is left out. */
import { hash } from 'node:crypto'
import fs from 'node:fs'
import { mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** Path → content; a directory without entries is its path with a '/' at the end; a symlink “→ target”. */
export type Tree = Readonly<Record<string, string>>

export const readTree = async (root: string): Promise<Tree> => {
  const tree: Record<string, string> = {}
  const walk = async (relative: string): Promise<void> => {
    const entries = await readdir(join(root, relative), { withFileTypes: true })
    if (entries.length === 0 && relative !== '') tree[`${relative}/`] = ''
    for (const entry of entries) {
      const path = relative === '' ? entry.name : `${relative}/${entry.name}`
      if (path === '.lattice') continue
      if (entry.isDirectory()) await walk(path)
      else if (entry.isSymbolicLink()) tree[path] = `→ ${await readlink(join(root, path))}`
      else tree[path] = await readFile(join(root, path), 'utf8')
    }
  }
  await walk('')
  return tree
}

export const writeTree = async (root: string, tree: Tree): Promise<void> => {
  for (const [path, content] of Object.entries(tree)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), content)
  }
}

export interface TreeOptions {
  /** Compare modification times too (files only), as exactly as Node can set them: by a double of seconds, 0.24 µs. */
  readonly times?: boolean
}

/** Lines sorted by path, one per entry: its type, mode, content hash and, where asked for, mtime. */
export const describeTree = (root: string, options: TreeOptions = {}): string[] => {
  const lines: string[] = []
  const visit = (relative: string): void => {
    for (const entry of fs.readdirSync(join(root, relative), { withFileTypes: true })) {
      if (relative === '' && entry.name === '.lattice') continue
      const name = join(relative, entry.name)
      lines.push(describeEntry(root, name, entry, options))
      if (entry.isDirectory()) visit(name)
    }
  }
  visit('')
  return lines.sort()
}

const describeEntry = (root: string, name: string, entry: fs.Dirent, options: TreeOptions): string => {
  const full = join(root, name)
  if (entry.isSymbolicLink()) return `${name} -> ${fs.readlinkSync(full)}`
  const stat = fs.lstatSync(full, { bigint: true })
  const mode = (Number(stat.mode) & 0o7777).toString(8)
  if (entry.isDirectory()) return `${name}/`
  const seconds = Number(stat.mtimeNs / 1_000_000_000n) + Number(stat.mtimeNs % 1_000_000_000n) / 1e9
  const time = options.times ? ` ${seconds.toFixed(7)}` : ''
  return `${name} ${mode} ${stat.size}${time} ${hash('sha256', fs.readFileSync(full))}`
}

/** What differs between two descriptions, for a readable failure: at most `limit` lines. */
export const differences = (a: readonly string[], b: readonly string[], limit = 20): string[] => {
  const inA = new Set(a)
  const inB = new Set(b)
  return [...a.filter((l) => !inB.has(l)).map((l) => `- ${l}`), ...b.filter((l) => !inA.has(l)).map((l) => `+ ${l}`)]
    .sort((x, y) => (x.slice(2) < y.slice(2) ? -1 : 1))
    .slice(0, limit)
}
