/**
 * `npm run e2e:package`: the Debian package made, installed on a clean Debian and started there. Needs root, for a root
 * directory of its own, and Debian's mirrors. Arguments go to vitest.
 */
import { fromRoot } from './lib/paths.mjs'
import { run } from './lib/run.mjs'
import { ensureSystemPrograms } from './lib/system-packages.mjs'

async function main() {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    console.error('e2e:package: it makes a Debian in a directory, which only root on Linux can')
    return 1
  }
  if (!(await ensureSystemPrograms('package'))) return 1
  return await run(fromRoot('node_modules', '.bin', 'vitest'), [
    'run',
    '--project',
    'package',
    ...process.argv.slice(2),
  ])
}

process.exitCode = await main()
