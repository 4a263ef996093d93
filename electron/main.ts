/**
 * The desktop app: puts the parts together. The node runs in this process; windows come and go, the tray stays, and
 * quitting stops the node first.
 *
 * The window comes first: another process loads its page while this one reads the code of all the rest, and opens it.
 */
import { join } from 'node:path'
import { app, ipcMain, nativeTheme, session } from 'electron'
import { resolveHome } from '#daemon/cli/home-path.ts'
import { prepareHome } from '#daemon/node/home.ts'
import { exposeCollector } from './collecting.ts'
import { DesktopMemory } from './desktop-file.ts'
import { startLean } from './lean.ts'
import { findLink, parseLink } from './links.ts'
import { registerScheme, servePages } from './pages.ts'
import { hardenContents, hardenSession } from './security.ts'
import { parseStartArgs } from './start-args.ts'
import { MainWindow } from './window.ts'

// Where the time of a start goes, for whoever measures it (e2e/bench/desktop.mjs).
performance.mark('code of the shell read')

/** A bug of ours is told on standard error, with all that is known; the node goes on. */
const report = (cause: unknown): void => {
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
  process.stderr.write(`lattice: unexpected failure: ${text}\n`)
}

/** Electron would open a dialog and leave the rest in a state that nobody knows: nothing acknowledged is lost. */
const die = (cause: unknown): never => {
  report(cause)
  process.exit(1)
}

const start = async (): Promise<void> => {
  const args = parseStartArgs(process.argv.slice(1))
  const home = await resolveHome(args)
  // One directory holds all that this installation knows; two homes are two apps. A home that cannot be used is named
  // in the window, once there is one.
  if (prepareHome(home).ok) app.setPath('userData', `${home}/desktop`)
  if (!app.requestSingleInstanceLock()) return app.exit(0)

  await app.whenReady()
  performance.mark('Electron ready')
  const build = join(app.getAppPath(), 'build')
  const memory = new DesktopMemory(home)
  nativeTheme.themeSource = memory.now.theme
  // What is told of `desktop` here comes in later turns, when it is there.
  hardenSession(session.defaultSession)
  hardenContents(app, (contents, url) => desktop.navigated(contents, url))
  const served = servePages(session.defaultSession, join(build, 'web'), () => desktop.failurePage())
  const window = new MainWindow({
    memory,
    preload: join(build, 'desktop-preload.cjs'),
    icon: join(build, 'icons', 'app', '256.png'),
    isPackaged: app.isPackaged,
    crashed: (reason) => desktop.pageCrashed(reason),
    report,
  })
  const link = findLink(process.argv)
  if (link !== undefined || !args.hidden) window.show(false)
  const { DesktopApp } = await import('./app.ts')
  performance.mark('code of the node read')
  const desktop = new DesktopApp({
    app,
    ipc: ipcMain,
    theme: nativeTheme,
    home,
    args,
    memory,
    window,
    report,
  })
  // Runs a program of the system, and waits for it.
  void desktop.drawn.then(() => app.setAsDefaultProtocolClient('lattice'))
  app.on('second-instance', (_, argv) => desktop.openFromOutside(findLink(argv)))
  app.on('activate', () => desktop.showWindow())
  app.on('open-url', (event, url) => {
    event.preventDefault()
    desktop.openFromOutside(parseLink(url))
  })
  // The tray keeps the app; the window is made anew when it is asked for.
  app.on('window-all-closed', () => undefined)
  app.on('before-quit', (event) => {
    event.preventDefault()
    desktop.quit()
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => desktop.quit())
  // The page's process reads its scripts while this one opens the node.
  await window.waitFor(served)
  performance.mark('page served')
  desktop.start(link)
}

process.on('uncaughtException', die)
process.on('unhandledRejection', report)
startLean(app)
registerScheme()
exposeCollector()
// Who says --no-sandbox (only root has to) gets none from the system; the pages are cut off from Node all the same.
if (!app.commandLine.hasSwitch('no-sandbox')) app.enableSandbox()
start().catch(die)
