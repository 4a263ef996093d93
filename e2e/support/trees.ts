/** Directory trees as values, to write and to compare. */
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
