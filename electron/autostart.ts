/**
 * Starting with the session. On Linux that is a .desktop file of the XDG autostart specification, which we write
 * ourselves; elsewhere the system keeps a list.
 */
import { app } from 'electron'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { autostartEntry } from './autostart-entry.ts'

/** Starts the app without a window. */
export const HIDDEN_FLAG = '--hidden'

const entryPath = (): string =>
  join(process.env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'autostart', 'lattice.desktop')

/** What starts this app again: an AppImage is started as the file it came in, a checkout through its Electron. */
const command = (): readonly string[] => [
  process.env['APPIMAGE'] || process.execPath,
  ...(app.isPackaged ? [] : [app.getAppPath()]),
  HIDDEN_FLAG,
]

export const isAutostarted = (): boolean =>
  process.platform === 'linux' ? existsSync(entryPath()) : app.getLoginItemSettings({ args: [HIDDEN_FLAG] }).openAtLogin

/** `comments`: what the app is, by language. Throws the system's error when the file cannot be written. */
export const setAutostart = (wanted: boolean, comments: Readonly<Record<string, string>>): void => {
  if (process.platform !== 'linux') return app.setLoginItemSettings({ openAtLogin: wanted, args: [HIDDEN_FLAG] })
  const path = entryPath()
  if (!wanted) return rmSync(path, { force: true })
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, autostartEntry(command(), comments))
}
