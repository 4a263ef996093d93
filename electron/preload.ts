/**
 * What the page gets of the shell: a port to the node on request, and where a dropped file lies. It runs sandboxed,
 * in a world of its own beside the page.
 */
import { contextBridge, ipcRenderer, webUtils } from 'electron'
import { PORT_CHANNEL } from './channel.ts'

/** What the page waits for (renderer/connection/port-transport.ts). */
const PORT_MESSAGE = 'lattice-port'

ipcRenderer.on(PORT_CHANNEL, ({ ports }) => window.postMessage(PORT_MESSAGE, location.origin, [...ports]))

/** Electron before 32 put the path on the file itself. */
const pathOf = (file: File & { readonly path?: string }): string =>
  (webUtils as typeof webUtils | undefined)?.getPathForFile(file) ?? file.path ?? ''

contextBridge.exposeInMainWorld('lattice', {
  requestPort: () => ipcRenderer.send(PORT_CHANNEL),
  pathForFile: (file: File) => pathOf(file),
})
