/**
 * `npm run installers`: builds and stages the app in `build/app`, then runs electron-builder over it with the arguments
 * given (`-- --dir` makes the app alone, `-- --mac`, `-- --win`, `-- --linux` choose). For the machine's own
 * architecture: packages with binaries are installed for that one.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { buildApp } from './lib/app-build.mjs'
import { packageLicences, stageApp } from './lib/app-contents.mjs'
import { fromRoot } from './lib/paths.mjs'
import { run } from './lib/run.mjs'

await buildApp()
const app = fromRoot('build', 'app')
rmSync(app, { recursive: true, force: true })
mkdirSync(app, { recursive: true })
const isStandIn = process.env['LATTICE_STAND_IN'] === '1'
await stageApp(app, { platform: process.platform, arch: process.arch, isStandIn })
writeFileSync(fromRoot('build', 'LICENSES.packages.txt'), packageLicences())
const builder = fromRoot('node_modules', '.bin', 'electron-builder')
process.exitCode = await run(builder, [
  '--projectDir',
  app,
  '--config',
  fromRoot('electron-builder.config.mjs'),
  ...process.argv.slice(2),
])
