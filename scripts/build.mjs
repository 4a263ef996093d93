/**
 * Bundles the program into `build/`: `lattice.mjs` (the command line and the node), the scripts that run in threads
 * or processes of their own, and the wasm they load.
 *
 * The interface for people (`renderer/`) goes to `build/web/`, by Vite.
 *
 * Commands are split off where they are imported dynamically, so that `lattice status` never reads the network code.
 * Sources name what they start or load as `new URL('./worker.ts', import.meta.url)`; every such script becomes an
 * entry of its own, every such `.wasm` is copied, and the name is rewritten to where the bundle has it. All outputs
 * lie flat beside each other, so that it holds from whichever piece asks.
 *
 * `--if-stale` does nothing when another process built while we waited for the lock.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { basename, join, relative } from 'node:path'
import { build } from 'esbuild'
import { external, findReferences, rewriteUrls, bundledName } from './lib/bundling.mjs'
import { withLock } from './lib/lock.mjs'
import { fromRoot, root } from './lib/paths.mjs'
import { capture } from './lib/run.mjs'

const outputDirectory = fromRoot('build')
const webDirectory = fromRoot('build', 'web')
const stampPath = fromRoot('build', 'lattice.stamp')
const mainEntry = fromRoot('daemon', 'cli', 'main.ts')

async function bundle() {
  const references = findReferences(['kernel', 'sync', 'fs-bridge', 'daemon'])
  const scripts = references.filter((path) => path.endsWith('.ts'))
  const fresh = fromRoot('build', `.fresh-${process.pid}`)
  const result = await build({
    absWorkingDir: root,
    entryPoints: [
      { in: mainEntry, out: 'lattice' },
      ...scripts.map((path) => ({ in: path, out: bundledName(path, 'mjs').replace(/\.mjs$/, '') })),
    ],
    outdir: fresh,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'piece-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    sourcemap: 'linked',
    sourcesContent: false,
    minifyWhitespace: true,
    external,
    // Some dependencies are CommonJS and call `require` for Node's own modules.
    banner: {
      js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
    },
    plugins: [rewriteUrls('mjs')],
    metafile: true,
    logLevel: 'warning',
  })
  for (const path of references.filter((path) => path.endsWith('.wasm')))
    copyFileSync(path, join(fresh, basename(path)))
  publish(fresh)
  return Object.keys(result.metafile.outputs).filter((path) => path.endsWith('.mjs')).length
}

/**
 * Puts the new files in place, the entry last. Pieces are named by their content, so programs that are running keep
 * finding theirs: pieces of earlier builds are removed only a day later.
 * @param {string} fresh
 */
function publish(fresh) {
  const names = readdirSync(fresh).sort((a, b) => Number(a.startsWith('lattice')) - Number(b.startsWith('lattice')))
  for (const name of names) renameSync(join(fresh, name), join(outputDirectory, name))
  rmSync(fresh, { recursive: true })
  const dayAgo = Date.now() - 24 * 3600 * 1000
  const current = new Set(names)
  for (const name of readdirSync(outputDirectory))
    if (
      /^piece-.*\.mjs(\.map)?$/.test(name) &&
      !current.has(name) &&
      statSync(join(outputDirectory, name)).mtimeMs < dayAgo
    )
      rmSync(join(outputDirectory, name))
}

/**
 * Builds the interface, then puts it in place, the page last: its scripts are named by their content, so a page that is
 * open keeps finding its own, as with the pieces above.
 */
async function buildWeb() {
  // Whoever builds on the way, such as a test, may say another; React would then be the one for development.
  process.env['NODE_ENV'] = 'production'
  // Read only here: whoever finds the build fresh does not pay for loading it.
  const { build: viteBuild } = await import('vite')
  const fresh = fromRoot('build', `.fresh-web-${process.pid}`)
  const configFile = fromRoot('renderer', 'vite.config.ts')
  await viteBuild({ configFile, logLevel: 'warn', build: { outDir: fresh, emptyOutDir: true } })
  const assets = join(webDirectory, 'assets')
  mkdirSync(assets, { recursive: true })
  const names = readdirSync(join(fresh, 'assets'))
  for (const name of names) renameSync(join(fresh, 'assets', name), join(assets, name))
  renameSync(join(fresh, 'index.html'), join(webDirectory, 'index.html'))
  rmSync(fresh, { recursive: true })
  const dayAgo = Date.now() - 24 * 3600 * 1000
  for (const name of readdirSync(assets))
    if (!names.includes(name) && statSync(join(assets, name)).mtimeMs < dayAgo) rmSync(join(assets, name))
  return names.length
}

/** The same question that `bin/lattice` asks. */
async function isStale() {
  if (!existsSync(stampPath)) return true
  const { code } = await capture('sh', [fromRoot('bin', 'lattice'), '--is-fresh'])
  return code !== 0
}

if (!existsSync(mainEntry)) {
  console.error(`build: ${relative(root, mainEntry)} is missing: is this a complete checkout?`)
  process.exit(1)
}
mkdirSync(outputDirectory, { recursive: true })
await withLock(fromRoot('build', '.build.lock'), async () => {
  if (process.argv.includes('--if-stale') && !(await isStale())) return
  const startedMs = Date.now()
  const pieces = await bundle()
  const webFiles = await buildWeb()
  writeFileSync(stampPath, '')
  // Dated to the start: a source that changed while we read it is newer, and the next start builds again.
  utimesSync(stampPath, startedMs / 1000, startedMs / 1000)
  if (!process.argv.includes('--quiet'))
    console.log(
      `build: ${pieces} scripts and ${webFiles} files of the interface in build/, ${Date.now() - startedMs} ms`,
    )
})
