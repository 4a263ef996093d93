/** What lies in the trash of a folder: files that a change from elsewhere deleted or replaced (docs/cli.md). */
import type { Dirent } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** The files of `size` bytes in `<root>/.lattice/trash`, those of the newest day first. Unreadable ones are left out. */
export async function* trashedFiles(root: string, size: number, signal: AbortSignal): AsyncGenerator<string> {
  const pending = [join(root, '.lattice', 'trash')]
  for (let dir = pending.pop(); dir !== undefined && !signal.aborted; dir = pending.pop()) {
    for (const entry of await entriesOf(dir)) {
      const path = join(dir, entry.name)
      if (entry.isDirectory()) pending.push(path)
      else if (entry.isFile() && (await sizeOf(path)) === size) yield path
    }
  }
}

/** In ascending order, so that the stack gives back the newest day first. */
const entriesOf = async (dir: string): Promise<readonly Dirent[]> => {
  try {
    const entries = await readdir(dir, { withFileTypes: true })
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === undefined) throw cause
    return []
  }
}

const sizeOf = async (path: string): Promise<number | undefined> => {
  try {
    return (await lstat(path)).size
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === undefined) throw cause
    return undefined
  }
}
