/**
 * The desktop app: puts the parts together. The node runs in this process; windows come and go, the tray stays, and
 * quitting stops the node first.
 */
import { app, ipcMain, nativeTheme, session } from 'electron'
import { resolveHome } from '#daemon/cli/context.ts'
import { prepareHome } from '#daemon/node/home.ts'
import { DesktopApp } from './app.ts'
import { exposeCollector } from './collecting.ts'
import { findLink, parseLink } from './links.ts'
import { registerScheme } from './pages.ts'
import { hardenContents, hardenSession } from './security.ts'
import { parseStartArgs } from './start-args.ts'

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
  app.setAsDefaultProtocolClient('lattice')

  await app.whenReady()
  const desktop = new DesktopApp({
    app,
    ipc: ipcMain,
    session: session.defaultSession,
    theme: nativeTheme,
    home,
    args,
    report,
  })
  hardenSession(session.defaultSession)
  hardenContents(app, (contents, url) => desktop.navigated(contents, url))
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
  desktop.start(findLink(process.argv))
}

process.on('uncaughtException', die)
process.on('unhandledRejection', report)
registerScheme()
exposeCollector()
// Who says --no-sandbox (only root has to) gets none from the system; the pages are cut off from Node all the same.
if (!app.commandLine.hasSwitch('no-sandbox')) app.enableSandbox()
start().catch(die)
