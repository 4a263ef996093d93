/** The version of the program, as its package says. */
import { readFileSync } from 'node:fs'

/** From the sources `package.json` is one directory up; from the bundle in `build/` as well. */
export const readVersion = (): string => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return version
}
