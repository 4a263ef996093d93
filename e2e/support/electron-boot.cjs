/**
 * What the stand-in Electron of the tests runs: the app of this checkout, or the packaged app that this file is part of,
 * with what that Electron lacks of its own.
 */
'use strict'
const { join } = require('node:path')
const threads = require('node:worker_threads')
const polyfills = join(__dirname, 'electron-polyfills.cjs')
require(polyfills)
const { app, safeStorage, session } = require('electron')

// Holds the app until whoever drives it is connected, which Playwright calls `__playwright_run` for: one that goes ahead
// makes its window while Playwright attaches, and on a busy machine both then wait for each other. (Playwright's own
// loader would also choose another keychain.)
if (process.env.LATTICE_TEST_DRIVEN === '1') {
  const ready = app.whenReady()
  const driven = new Promise((resolve) => (globalThis.__playwright_run = resolve))
  app.whenReady = () => driven.then(() => ready)
}

// It says whether there is a keychain, but not which.
safeStorage.getSelectedStorageBackend ??= () => (safeStorage.isEncryptionAvailable() ? 'gnome_libsecret' : 'basic_text')
threads.Worker = class extends threads.Worker {
  constructor(script, options) {
    // What a thread requires before its script it cannot read out of an archive.
    super(script, { ...options, execArgv: ['--require', polyfills.replace('app.asar', 'app.asar.unpacked')] })
  }
}
app.once('ready', () => session.defaultSession.setPreloads([join(__dirname, 'electron-page-polyfills.cjs')]))
const root = app.isPackaged
  ? join(__dirname, '..', '..')
  : (process.env.LATTICE_TEST_APP ?? process.env.LATTICE_APP_ROOT)
app.setAppPath(root)
require(join(root, 'build', 'desktop-main.cjs'))
