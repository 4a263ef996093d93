/**
 * What both bundles (`build.mjs`, `build-desktop.mjs`) do with the names of scripts and assets.
 *
 * Sources name what they start or load as `new URL('./worker.ts', import.meta.url)`; every such script becomes an
 * entry of its own, every such `.wasm` is copied, and the name is rewritten to where the bundle has it. All outputs
 * lie flat beside each other, so that it holds from whichever piece asks.
 */
import { readFileSync } from 'node:fs'
import { basename, dirname, relative, resolve } from 'node:path'
import { walk } from './files.mjs'
import { fromRoot, root } from './paths.mjs'

/** Native packages load their binaries relative to themselves, so they stay in node_modules. */
export const external = ['lmdb']

const urlPattern = /new URL\(\s*'(\.[^']+\.(?:ts|wasm))',\s*import\.meta\.url\s*,?\s*\)/g

/**
 * The name an entry or asset has in `build/`: its path, flattened. Assembly output keeps its plain name.
 * @param {string} path
 * @param {'mjs' | 'cjs'} extension of scripts
 */
export const bundledName = (path, extension) =>
  path.endsWith('.wasm')
    ? basename(path)
    : `${relative(root, path).replace(/\.ts$/, '').replaceAll(/[/\\]/g, '-')}.${extension}`

/** What the sources of some layers start or load by URL. @param {readonly string[]} layers */
export function findReferences(layers) {
  const sources = layers.flatMap((layer) =>
    walk(fromRoot(layer), (path) => path.endsWith('.ts') && !/\.(test|fuzz|bench|campaign|d)\.ts$/.test(path)),
  )
  /** @type {Set<string>} */
  const found = new Set()
  for (const source of sources)
    for (const [, target] of readFileSync(source, 'utf8').matchAll(urlPattern))
      found.add(resolve(dirname(source), /** @type {string} */ (target)))
  return [...found]
}

/** @param {'mjs' | 'cjs'} extension @returns {import('esbuild').Plugin} */
export const rewriteUrls = (extension) => ({
  name: 'rewrite-urls',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8')
      if (path.includes('node_modules') || !source.includes('import.meta.url')) return undefined
      const contents = source.replaceAll(
        urlPattern,
        (_, target) => `new URL('./${bundledName(resolve(dirname(path), target), extension)}', import.meta.url)`,
      )
      return { contents, loader: 'ts' }
    })
  },
})
