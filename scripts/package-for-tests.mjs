/**
 * `electron-forge ARGUMENTS…` with the Electron that tests run in: the official one, or else the stand-in. What comes
 * out is for tests; releases are made with `npm run package` and `npm run make`.
 */
import { electronForTests } from './lib/electron.mjs'
import { fromRoot, toolEnvironment } from './lib/paths.mjs'
import { run } from './lib/run.mjs'

const { isStandIn } = await electronForTests()
process.exitCode = await run(fromRoot('node_modules', '.bin', 'electron-forge'), process.argv.slice(2), {
  ...toolEnvironment(),
  ...(isStandIn && { LATTICE_STAND_IN: '1' }),
})
