/**
 * Electron Forge: `npm run package` (the app in a directory) and `npm run make` (.deb and .zip) in `build/out/`.
 *
 * Our own scripts build what is packaged, and hooks call them: the interface is Vite's, as everywhere; the main process is
 * bundled by `build-desktop.mjs`, which makes an entry of every thread's script and copies the wasm beside it. Forge's Vite
 * plugin would be a second way to build the same files, and what the tests run would not be what is shipped.
 *
 * LATTICE_STAND_IN=1 packages an older Electron in place of the release, for tests on machines that cannot fetch it.
 * LATTICE_PACKAGE_OUT names another directory for what comes out.
 */
import { MakerZIP } from '@electron-forge/maker-zip'
import { FusesPlugin } from '@electron-forge/plugin-fuses'
import type { ForgeConfig } from '@electron-forge/shared-types'
import { buildApp } from './scripts/lib/app-build.mjs'
import { addLicences, appName, stageApp } from './scripts/lib/app-contents.mjs'
import { DebMaker } from './scripts/lib/deb-maker.mjs'
import { standInRelease } from './scripts/lib/electron.mjs'
import { fuseConfig } from './scripts/lib/fuses.mjs'
import { fromRoot } from './scripts/lib/paths.mjs'

const standIn = process.env['LATTICE_STAND_IN'] === '1' ? await standInRelease() : undefined
if (standIn)
  console.warn(
    `\n*** A STAND-IN FOR ELECTRON is packaged (${standIn.program}).\n*** What comes out is for tests and must not be given to anybody.\n`,
  )

const iconSizes = [16, 24, 32, 48, 64, 128, 256, 512]
const icons = {
  ...Object.fromEntries(
    iconSizes.map((size) => [`${size}x${size}`, fromRoot('build', 'icons', 'app', `${size}.png`)] as const),
  ),
  scalable: fromRoot('assets', 'app.svg'),
}

const debian = {
  name: appName,
  bin: appName,
  productName: 'Lattice',
  genericName: 'File Synchronization',
  description: 'Folders in sync between your devices and the people you invite',
  productDescription:
    'Lattice keeps folders the same on your devices and on those of the people you invite. There is no server and ' +
    'no account: devices talk to each other, every change is signed by the device that made it, and when two ' +
    'people change the same file you are shown both versions instead of losing one.',
  maintainer: 'The Lattice authors',
  section: 'net' as const,
  desktopTemplate: fromRoot('assets', 'linux', `${appName}.desktop.ejs`),
  // The maker takes one per size; its types know a single one.
  icon: icons as unknown as string,
  // What every Electron needs the maker knows, but only recommends the sound that Chromium links to.
  depends: ['libasound2t64 | libasound2'],
  // Every Debian reads xz, which takes a minute; a package for tests is made quickly.
  compression: standIn ? 'zstd' : 'xz',
}

const config: ForgeConfig = {
  outDir: process.env['LATTICE_PACKAGE_OUT'] ?? fromRoot('build', standIn ? 'out-stand-in' : 'out'),
  packagerConfig: {
    name: 'Lattice',
    executableName: appName,
    appBundleId: 'org.lattice.desktop',
    appCategoryType: 'public.app-category.utilities',
    protocols: [{ name: 'Lattice invitation', schemes: ['lattice'] }],
    // Nothing is copied from the checkout: `stageApp` says what the app consists of.
    ignore: (path) => path !== '' && path !== '/package.json',
    prune: false,
    // What the stand-in lacks has to be there before it can read the archive.
    asar: { unpack: standIn ? '{**/*.node,**/electron-polyfills.cjs}' : '**/*.node' },
    ...(standIn && { electronZipDir: standIn.zipDirectory }),
  },
  // The binaries of our packages work with every Node and Electron as they come.
  rebuildConfig: { onlyModules: [] },
  makers: [new DebMaker({ options: debian }), new MakerZIP({})],
  plugins: [new FusesPlugin(await fuseConfig(standIn?.program))],
  hooks: {
    generateAssets: () => buildApp(),
    packageAfterCopy: (_config, directory, _version, platform, arch) =>
      stageApp(directory, { platform, arch, isStandIn: standIn !== undefined }),
    postPackage: (_config, { outputPaths }) => {
      for (const path of outputPaths) addLicences(path)
      return Promise.resolve()
    },
  },
}

export default config
