/**
 * What a packaged desktop app consists of: the bundles and the interface out of `build/`, and the few packages that are
 * not bundled since they load a binary, with nothing but what runs. No sources, source maps, tests, or packages for
 * development.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { build } from 'esbuild'
import { external } from './bundling.mjs'
import { fromRoot, root } from './paths.mjs'

/** @typedef {{ platform: string, arch: string, isStandIn?: boolean }} Target */

/** @param {string} path @returns {any} */
const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'))

/** Its desktop entry, its package and its program are named so: `lattice` is the command line. */
export const appName = 'lattice-desktop'

/** A stand-in for Electron is older than any that is shipped, and cannot run the app without these. */
const standInFiles = ['electron-boot.cjs', 'electron-polyfills.cjs', 'electron-page-polyfills.cjs'].map((name) =>
  join('e2e', 'support', name),
)

/**
 * The files of packages that are not bundled, and of all that they require: what a bundler would put in. Binaries are
 * not named in sources: a package has one of its own for each platform, among its optional ones. Paths from the root.
 * @param {Target} target
 * @returns {Promise<string[]>}
 */
export async function runtimeFiles({ platform, arch }) {
  const { metafile } = await build({
    absWorkingDir: root,
    stdin: { contents: external.map((name) => `require('${name}')`).join('\n'), resolveDir: root },
    external: ['msgpackr-extract'], // makes something faster that is not used, and may be missing
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    preserveSymlinks: true, // a work tree may borrow another's packages
    logLevel: 'silent', // it would warn of what is found at run time only
  })
  const sources = Object.keys(metafile.inputs).filter((path) => path.startsWith('node_modules/'))
  const packages = [...new Set(sources.map(packageOf))]
  const binaries = packages
    .flatMap((path) => Object.keys(readJson(fromRoot(path, 'package.json')).optionalDependencies ?? {}))
    .filter((name) => name.endsWith(`-${platform}-${arch}`))
    .map((name) => join('node_modules', name))
  const about = packages.flatMap((path) => filesIn(path, /^(package\.json|licen[cs]e.*)$/i))
  // The one that works with every Node, and with glibc, which Electron needs.
  const loaded = binaries.flatMap((path) => filesIn(path, /^(package\.json|index\.js|[^.]+\.napi(\.glibc)?\.node)$/))
  return [...sources, ...about, ...loaded]
}

/** The directory of the package that a file belongs to. @param {string} path */
const packageOf = (path) => /** @type {RegExpExecArray} */ (/^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(path))[0]

/** The files of a package that lie at its top and have such a name. */
function filesIn(/** @type {string} */ path, /** @type {RegExp} */ accepted) {
  if (!existsSync(fromRoot(path))) throw new Error(`${path} is not installed: an app for that platform needs it`)
  return readdirSync(fromRoot(path))
    .filter((name) => accepted.test(name))
    .map((name) => join(path, name))
}

/** Copies a file without the line that names its source map, if it has one. */
function copyFile(/** @type {string} */ from, /** @type {string} */ to) {
  mkdirSync(dirname(to), { recursive: true })
  if (!/\.(js|cjs|css)$/.test(from)) return cpSync(from, to)
  writeFileSync(to, readFileSync(from, 'utf8').replaceAll(/^(\/\/|\/\*)# sourceMappingURL=.*$/gm, ''))
}

/** @param {string} path from `build/` @returns {string[]} */
const filesUnder = (path) =>
  readdirSync(fromRoot('build', path), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesUnder(join(path, entry.name)) : [join(path, entry.name)],
  )

/** The interface, from its page on: files of earlier builds lie beside its own, for pages that are still open. */
function webFiles() {
  const others = new Set(filesUnder('web').filter((path) => !path.endsWith('.map')))
  const found = [join('web', 'index.html')]
  for (const path of found) {
    others.delete(path)
    const text = readFileSync(fromRoot('build', path), 'utf8')
    for (const other of others)
      if (text.includes(basename(other))) {
        others.delete(other)
        found.push(other)
      }
  }
  return found
}

/** What of `build/` is the app's: the command line is bundled there too. */
const builtFiles = () =>
  [
    ...readdirSync(fromRoot('build')).filter((name) => /\.(cjs|wasm)$/.test(name)),
    ...filesUnder('icons'),
    ...webFiles(),
  ].map((path) => join('build', path))

/**
 * Puts the app into `directory`, which is there. Everything has been built before.
 * @param {string} directory
 * @param {Target} target
 */
export async function stageApp(directory, target) {
  const { version, description, license, main } = readJson(fromRoot('package.json'))
  const about = {
    name: 'lattice',
    version,
    description,
    license,
    author: 'The Lattice authors',
    desktopName: `${appName}.desktop`,
    main: target.isStandIn ? standInFiles[0] : main,
  }
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify(about, null, 2)}\n`)
  const files = [...builtFiles(), ...(await runtimeFiles(target)), ...(target.isStandIn ? standInFiles : [])]
  for (const path of files) copyFile(fromRoot(path), join(directory, path))
}

/**
 * What is passed on beside the app: our licence, that of Electron (which comes as `LICENSE`), and those of all packages
 * that are in the bundles.
 * @param {string} directory
 */
export function addLicences(directory) {
  renameSync(join(directory, 'LICENSE'), join(directory, 'LICENSE.electron.txt'))
  cpSync(fromRoot('LICENSE'), join(directory, 'LICENSE'))
  writeFileSync(join(directory, 'LICENSES.packages.txt'), packageLicences())
}

/** @returns {string} */
export function packageLicences() {
  /** @type {Record<string, { version?: string, dev?: boolean, license?: string }>} */
  const locked = readJson(fromRoot('package-lock.json')).packages
  const texts = Object.entries(locked).flatMap(([path, { version, dev, license }]) => {
    if (!path.startsWith('node_modules/') || dev || !existsSync(fromRoot(path))) return []
    const file = readdirSync(fromRoot(path)).find((name) => /^licen[cs]e/i.test(name))
    const text = file ? readFileSync(fromRoot(path, file), 'utf8').trim() : `Licence: ${license ?? 'see its package'}`
    return [`${relative('node_modules', path)} ${version}\n\n${text}\n`]
  })
  return texts.join(`\n${'-'.repeat(80)}\n\n`)
}
