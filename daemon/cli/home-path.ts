/** Where the home is that is meant. Apart from the rest of the command line, which starts of the desktop app do not need. */
import { resolve } from 'node:path'

/** `--home`, else `LATTICE_HOME`, else the platform's data directory. Absolute. */
export const resolveHome = async ({ home }: { readonly home?: string }): Promise<string> => {
  const given = home ?? process.env['LATTICE_HOME']
  if (given) return resolve(given)
  const { default: envPaths } = await import('env-paths')
  return envPaths('lattice', { suffix: '' }).data
}
