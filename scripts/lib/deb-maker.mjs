/**
 * Forge's maker of Debian packages, with other dependencies. Of the ways to a wastebasket its list for Electron names
 * KDE's first, and apt would bring 200 packages along on a system that has none of them; GLib's is small.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { MakerDeb, debianArch } from '@electron-forge/maker-deb'
// @ts-expect-error: this package has no types
import { Installer } from 'electron-installer-debian'

const wastebaskets = /\bgvfs\b/

export class DebMaker extends MakerDeb {
  /** @override @param {import('@electron-forge/maker-base').MakerOptions} options */
  async make({ dir, makeDir, targetArch }) {
    const dest = join(makeDir, 'deb', targetArch)
    await mkdir(dest, { recursive: true })
    const rename = (/** @type {string} */ to) => join(to, '<%= name %>_<%= version %>_<%= arch %>.deb')
    const installer = new Installer({
      ...this.config,
      arch: debianArch(targetArch),
      src: dir,
      dest,
      rename,
      logger() {},
    })
    await installer.generateDefaults()
    const { depends } = installer.generateOptions()
    installer.options.depends = [
      ...depends.filter((/** @type {string} */ name) => !wastebaskets.test(name)),
      'libglib2.0-bin',
      'libx11-xcb1', // is loaded by name at the start; without it the app ends without a word
    ]
    await installer.createStagingDir()
    await installer.createContents()
    await installer.createPackage()
    await installer.movePackage()
    return installer.options.packagePaths
  }
}
