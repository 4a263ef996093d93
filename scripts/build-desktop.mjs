/**
 * Bundles the desktop app's own programs into `build/`: `desktop-main.cjs` (windows, tray, node), `desktop-preload.cjs`,
 * the scripts of its threads, and the wasm they load. The page is another build (`build/web/`), icons a third.
 *
 * CommonJS, since the app must say things to Electron before it is ready, which a module that loads meanwhile would
 * miss. Syntax is lowered to what the oldest Electron that tests run in understands: what is tested is what is shipped.
 */
import { copyFileSync, mkdirSync } from 'node:fs'
import { basename } from 'node:path'
import { build } from 'esbuild'
import { bundledName, external, findReferences, rewriteUrls } from './lib/bundling.mjs'
import { fromRoot, root } from './lib/paths.mjs'
import { buildIcons } from './build-assets.mjs'

const references = findReferences(['kernel', 'sync', 'fs-bridge', 'daemon', 'electron'])
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

const startedMs = Date.now()
mkdirSync(fromRoot('build'), { recursive: true })
await Promise.all([
  build({
    ...common,
    entryPoints: [
      { in: fromRoot('electron', 'main.ts'), out: 'desktop-main' },
      ...scripts.map((path) => ({ in: path, out: bundledName(path, 'cjs').replace(/\.cjs$/, '') })),
    ],
    external: [...external, 'electron'],
    define: { 'import.meta.url': '__moduleUrl' },
    banner: { js: "const __moduleUrl=require('node:url').pathToFileURL(__filename).href;" },
    plugins: [rewriteUrls('cjs')],
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
if (!process.argv.includes('--quiet')) console.log(`build-desktop: ${Date.now() - startedMs} ms`)
