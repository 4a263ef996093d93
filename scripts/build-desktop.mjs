/**
 * Bundles the desktop app's own programs into `build/`: `desktop-main.cjs` (what makes the window), `desktop-node.cjs` (all
 * the rest, read once the window is made), `desktop-preload.cjs`, the scripts of its threads, and the wasm they load. The
 * page is another build (`build/web/`), icons a third.
 *
 * CommonJS, since the app must say things to Electron before it is ready, which a module that loads meanwhile would
 * miss. Syntax is lowered to what the oldest Electron that tests run in understands: what is tested is what is shipped.
 *
 * `--if-stale` does nothing when no source is newer than the last build.
 */
import { copyFileSync, existsSync, mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { build } from 'esbuild'
import { bundledName, external, findReferences, rewriteUrls } from './lib/bundling.mjs'
import { walk } from './lib/files.mjs'
import { withLock } from './lib/lock.mjs'
import { fromRoot, root } from './lib/paths.mjs'
import { buildIcons } from './build-assets.mjs'

const layers = ['kernel', 'sync', 'fs-bridge', 'daemon', 'electron']
const stampPath = fromRoot('build', 'desktop.stamp')
const references = findReferences(layers)
const scripts = references.filter((path) => path.endsWith('.ts'))

/** @type {import('esbuild').BuildOptions} */
const common = {
  absWorkingDir: root,
  outdir: fromRoot('build'),
  outExtension: { '.js': '.cjs' },
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node18',
  sourcemap: 'linked',
  sourcesContent: false,
  minifyWhitespace: true,
  logLevel: 'warning',
}

/** What the shell imports when it has made the window is a program of its own: the first one is small and soon read. */
const apart = {
  name: 'apart',
  /** @param {import('esbuild').PluginBuild} build */
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/app\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './desktop-node.cjs', external: true } : undefined,
    )
  },
}

function isStale() {
  if (!existsSync(stampPath)) return true
  const builtMs = statSync(stampPath).mtimeMs
  const sources = [...layers, 'proto', 'assets', 'scripts'].flatMap((folder) => walk(fromRoot(folder), () => true))
  return [...sources, ...references, fromRoot('package-lock.json')].some((path) => statSync(path).mtimeMs > builtMs)
}

async function bundle() {
  await Promise.all([
    build({
      ...common,
      entryPoints: [
        { in: fromRoot('electron', 'main.ts'), out: 'desktop-main' },
        { in: fromRoot('electron', 'app.ts'), out: 'desktop-node' },
        ...scripts.map((path) => ({ in: path, out: bundledName(path, 'cjs').replace(/\.cjs$/, '') })),
      ],
      external: [...external, 'electron'],
      define: { 'import.meta.url': '__moduleUrl' },
      banner: { js: "const __moduleUrl=require('node:url').pathToFileURL(__filename).href;" },
      supported: { 'dynamic-import': false }, // `require` reads what is in an archive
      plugins: [apart, rewriteUrls('cjs')],
    }),
    build({
      ...common,
      entryPoints: [{ in: fromRoot('electron', 'preload.ts'), out: 'desktop-preload' }],
      external: ['electron'],
    }),
  ])
  for (const path of references.filter((path) => path.endsWith('.wasm')))
    copyFileSync(path, fromRoot('build', basename(path)))
  buildIcons()
}

mkdirSync(fromRoot('build'), { recursive: true })
await withLock(fromRoot('build', '.build.lock'), async () => {
  if (process.argv.includes('--if-stale') && !isStale()) return
  const startedMs = Date.now()
  await bundle()
  writeFileSync(stampPath, '')
  // Dated to the start: a source that changed while we read it is newer, and the next start builds again.
  utimesSync(stampPath, startedMs / 1000, startedMs / 1000)
  if (!process.argv.includes('--quiet')) console.log(`build-desktop: ${Date.now() - startedMs} ms`)
})
