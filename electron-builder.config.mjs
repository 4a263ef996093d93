/**
 * electron-builder: the installers of a release that Forge does not make: dmg and zip for macOS (hardened runtime,
 * signed and notarized with the credentials that CSC_* and APPLE_* name), NSIS for Windows, AppImage for Linux.
 * `npm run installers` stages the app and runs it; what the app consists of and its fuses are the same as in Forge's.
 *
 * LATTICE_STAND_IN=1 packages an older Electron, for tests on machines that cannot fetch the release.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { appName } from './scripts/lib/app-contents.mjs'
import { standInRelease } from './scripts/lib/electron.mjs'
import { setFuses } from './scripts/lib/fuses.mjs'
import { fromRoot } from './scripts/lib/paths.mjs'

const standIn = process.env['LATTICE_STAND_IN'] === '1' ? await standInRelease() : undefined
if (standIn) console.warn('\n*** A STAND-IN FOR ELECTRON is packaged. What comes out must not be given to anybody.\n')
const { devDependencies } = JSON.parse(readFileSync(fromRoot('package.json'), 'utf8'))

const icon = fromRoot('build', 'icons', 'app', '512.png')

/** Before the app is signed. @param {import('app-builder-lib').AfterPackContext} context */
async function afterPack({ appOutDir, packager, electronPlatformName }) {
  const { productFilename } = packager.appInfo
  const program = {
    darwin: `${productFilename}.app`,
    win32: `${productFilename}.exe`,
  }[electronPlatformName]
  await setFuses(join(appOutDir, program ?? appName), standIn?.program)
}

/** @type {import('app-builder-lib').Configuration} */
export default {
  appId: 'org.lattice.desktop',
  productName: 'Lattice',
  copyright: 'Copyright © 2026 The Lattice authors',
  directories: {
    output: fromRoot('build', standIn ? 'installers-stand-in' : 'installers'),
    buildResources: fromRoot('assets'),
  },
  electronVersion: devDependencies.electron,
  ...(standIn && { electronDist: standIn.directory }),
  // The app is staged with all that it needs, and its binaries work as they come.
  npmRebuild: false,
  files: ['**/*', { from: 'node_modules', to: 'node_modules', filter: ['**/*'] }],
  asarUnpack: ['**/*.node', ...(standIn ? ['**/electron-polyfills.cjs'] : [])],
  extraFiles: [{ from: fromRoot('build', 'LICENSES.packages.txt'), to: 'LICENSES.packages.txt' }],
  protocols: [{ name: 'Lattice invitation', schemes: ['lattice'] }],
  publish: null,
  afterPack,
  mac: {
    target: ['dmg', 'zip'],
    category: 'public.app-category.utilities',
    icon,
    hardenedRuntime: true,
    entitlements: fromRoot('assets', 'mac', 'entitlements.plist'),
    entitlementsInherit: fromRoot('assets', 'mac', 'entitlements.plist'),
  },
  win: { target: ['nsis'], icon },
  // What an uninstaller must not take along: the home of the node with its key.
  nsis: { oneClick: true, perMachine: false, deleteAppDataOnUninstall: false },
  linux: {
    target: ['AppImage'],
    executableName: appName,
    category: 'Network',
    synopsis: 'Folders in sync between your devices and the people you invite',
    icon,
    desktop: { entry: { StartupWMClass: 'lattice', MimeType: 'x-scheme-handler/lattice;' } },
  },
}
