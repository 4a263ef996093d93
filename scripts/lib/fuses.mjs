/**
 * The fuses of the packaged app: switches inside Electron's binary, set once, before it is signed. The one definition
 * for every kind of package; what they are is read back by a test.
 */
import { FuseState, FuseV1Options as Fuse, FuseVersion, flipFuses, getCurrentFuseWire } from '@electron/fuses'

/** Every fuse there is: a new one must be decided about, not inherited. */
export const fuses = {
  // The binary is the app, not a Node that runs whatever it is given.
  [Fuse.RunAsNode]: false,
  [Fuse.EnableNodeOptionsEnvironmentVariable]: false,
  [Fuse.EnableNodeCliInspectArguments]: false,
  // The app is what was packaged. Of the archive's content only macOS and Windows make sure; elsewhere it does nothing.
  [Fuse.OnlyLoadAppFromAsar]: true,
  [Fuse.EnableEmbeddedAsarIntegrityValidation]: true,
  // We keep no cookies; whatever Chromium would keep is encrypted.
  [Fuse.EnableCookieEncryption]: true,
  // Pages come from a scheme of their own.
  [Fuse.GrantFileProtocolExtraPrivileges]: false,
  // We ship one snapshot for all processes.
  [Fuse.LoadBrowserProcessSpecificV8Snapshot]: false,
  // What Electron does by itself, and the faster way to keep wasm inside its memory.
  [Fuse.WasmTrapHandlers]: true,
}

/** @param {number} fuse @returns {string} */
const nameOf = (fuse) => /** @type {string} */ (Fuse[fuse])

/**
 * What a binary says of its fuses, by name: `true`, `false`, or `'removed'`.
 * @param {string} program
 * @returns {Promise<Record<string, boolean | 'removed'>>}
 */
export async function readFuses(program) {
  const { version: _, ...wire } = await getCurrentFuseWire(program)
  return Object.fromEntries(
    Object.entries(wire).map(([fuse, state]) => [
      nameOf(Number(fuse)),
      state === FuseState.REMOVED ? 'removed' : state === FuseState.ENABLE,
    ]),
  )
}

/**
 * The configuration for a program. A released Electron must know every fuse, and we every one of its; a stand-in, which
 * is older, gets those that it knows.
 * @param {string} [standIn] the program of the stand-in
 * @returns {Promise<import('@electron/fuses').FuseConfig>}
 */
export async function fuseConfig(standIn) {
  const wanted = { version: FuseVersion.V1, strictlyRequireAllFuses: /** @type {const} */ (true), ...fuses }
  if (standIn === undefined) return wanted
  const known = await readFuses(standIn)
  return /** @type {typeof wanted} */ (
    Object.fromEntries(Object.entries(wanted).filter(([key]) => !/^\d+$/.test(key) || nameOf(Number(key)) in known))
  )
}

/** @param {string} program @param {string} [standIn] */
export async function setFuses(program, standIn) {
  await flipFuses(program, await fuseConfig(standIn))
}
