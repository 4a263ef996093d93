/** The version of the program, as its package says. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** From the sources `package.json` is one directory up; from the bundle in `build/` as well. */
export const readVersion = (): string => {
  // As a path: inside a packaged app not every Electron finds a file by its URL.
  const path = fileURLToPath(new URL('../package.json', import.meta.url))
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string }
  return version
}
