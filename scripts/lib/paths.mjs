/** Where things are in a checkout. Everything under `scripts/` runs on a clean one: plain JavaScript, no dependencies. */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
export const fromRoot = (/** @type {string[]} */ ...parts) => join(root, ...parts)

/** The layers that hold sources of ours. */
export const sourceLayers = ['proto', 'kernel', 'sync', 'fs-bridge', 'daemon', 'electron', 'renderer', 'e2e', 'scripts']

/** The environment of a tool from node_modules: its directory comes first, so that `node` is the pinned one. */
export const toolEnvironment = () => ({
  ...process.env,
  PATH: `${fromRoot('node_modules', '.bin')}:${process.env['PATH'] ?? ''}`,
})
