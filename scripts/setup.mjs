/**
 * Makes a checkout ready: npm packages, generated protobuf code, compiled wasm, programs of the system.
 *
 * `npm start` and `npm test` run it first, so a clean checkout needs no other step; when nothing changed it only
 * compares hashes. It runs under the system's Node (20 or later); everything after it runs under the pinned one
 * from node_modules. (`npm test --ignore-scripts` skips it, by npm's design.)
 */
import { existsSync, lstatSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { compileWasm } from './build-wasm.mjs'
import { hashFiles, readIfThere, walk, writeMakingDirectory } from './lib/files.mjs'
import { withLock } from './lib/lock.mjs'
import { fromRoot } from './lib/paths.mjs'
import { capture, run } from './lib/run.mjs'
import { ensureSystemPrograms } from './lib/system-packages.mjs'

const oldestNode = 20

class SetupError extends Error {}

async function installPackages() {
  const modules = fromRoot('node_modules')
  // A work tree that borrows another's packages: installing through the link would change them under their owner.
  if (lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink()) {
    if (!existsSync(join(modules, '.bin'))) throw new SetupError('node_modules is a link that leads to no packages')
    return
  }
  const stampPath = join(modules, '.lattice-lock-hash')
  const wanted = hashFiles([fromRoot('package-lock.json')], process.platform + process.arch).slice(0, 32)
  if (readIfThere(stampPath) === wanted) return
  console.log('setup: installing npm packages (npm ci)')
  const [program, args] = npmCommand()
  // Errors only: npm runs under the system's Node, and would warn of each package that wants the pinned one.
  const code = await run(program, [...args, 'ci', '--no-audit', '--no-fund', '--loglevel', 'error'], cleanEnvironment())
  if (code !== 0)
    throw new SetupError(`npm ci failed (exit code ${code}); its output above says why. Is the registry reachable?`)
  writeMakingDirectory(stampPath, wanted)
}

/** The npm that started us, else the first one on the path. */
function npmCommand() {
  const { npm_node_execpath: node, npm_execpath: npm } = process.env
  return node && npm ? /** @type {const} */ ([node, [npm]]) : /** @type {const} */ (['npm', []])
}

/**
 * Without the settings of the npm that runs us (`--only`, a production NODE_ENV …), and without the directories npm
 * put before the path: its own install scripts must run under the Node that npm runs under.
 */
function cleanEnvironment() {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name) && name !== 'NODE_ENV' && name !== 'INIT_CWD'),
  )
  const path = (env['PATH'] ?? '').split(delimiter).filter((directory) => !/[/\\]node_modules[/\\]/.test(directory))
  return { ...env, PATH: path.join(delimiter) }
}

async function generateProto() {
  const inputs = [
    ...walk(fromRoot('proto'), (path) => path.endsWith('.proto')),
    fromRoot('buf.yaml'),
    fromRoot('buf.gen.yaml'),
    fromRoot('package-lock.json'),
  ]
  const stampPath = fromRoot('proto', 'gen', '.inputs-hash')
  const wanted = hashFiles(inputs)
  if (readIfThere(stampPath) === wanted) return
  console.log('setup: generating protobuf code (buf generate)')
  const { code, output } = await capture(fromRoot('node_modules', '.bin', 'buf'), ['generate'])
  if (code !== 0) throw new SetupError(`buf generate failed:\n${output}`)
  writeMakingDirectory(stampPath, wanted)
}

async function main() {
  const major = Number(process.versions.node.split('.')[0])
  if (major < oldestNode)
    throw new SetupError(`Node ${process.versions.node} is too old: setting up needs Node ${oldestNode} or later`)
  await withLock(fromRoot('build', '.setup.lock'), async () => {
    await installPackages()
    await generateProto()
    await compileWasm()
    await ensureSystemPrograms(process.env['npm_lifecycle_event'] === 'pretest' ? 'test' : 'run')
  })
}

try {
  await main()
} catch (error) {
  console.error(`setup: ${error instanceof SetupError ? error.message : /** @type {Error} */ (error).stack}`)
  process.exitCode = 1
}
