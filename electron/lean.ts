/**
 * What the app does without on Linux, to start sooner and to take less memory. To be called before Electron is ready.
 *
 * A process of its own for Chromium's network service: our pages load nothing but their own files (security.ts), so it
 * has nothing to do, and Linux gives it no sandbox that would be lost. And OpenGL for GTK, which draws dialogs without
 * it, but would load the system's driver, and with many of those a whole compiler, into this process.
 */
import type { App } from 'electron'

/** GTK asks for it when it is loaded. Programs that we start later must not find it. */
const GTK_OPENGL = 'GDK_GL'

export const startLean = (app: App): void => {
  if (process.platform !== 'linux') return
  const { commandLine } = app
  const features = commandLine.getSwitchValue('enable-features').split(',')
  commandLine.appendSwitch('enable-features', [...features, 'NetworkServiceInProcess2'].filter(Boolean).join(','))
  if (process.env[GTK_OPENGL] !== undefined) return
  process.env[GTK_OPENGL] = 'disable'
  void app.whenReady().then(() => delete process.env[GTK_OPENGL])
}
