/**
 * How `npm start` shows the node: in the desktop app where a display and an Electron can be had, else in a browser.
 * `chooseMode` decides; what it asks of the machine comes in, dearest last.
 */
import { connect } from 'node:net'
import { isAbsolute, join } from 'node:path'
import { capture } from './run.mjs'

/**
 * @typedef {object} Machine
 * @property {NodeJS.Platform} platform
 * @property {NodeJS.ProcessEnv} env
 * @property {boolean} isRoot
 * @property {(address: DisplayAddress) => Promise<boolean>} answers whether a display is there
 * @property {() => Promise<boolean>} canSandbox whether the system lets an ordinary program sandbox itself
 * @property {() => Promise<{ program: string } | { why: string }>} electron the program, fetched where that is needed
 */
/** @typedef {{ name: string, path?: string, host?: string, port?: number }} DisplayAddress */
/** @typedef {{ mode: 'desktop', program: string, why: string } | { mode: 'headless', why: string }} Mode */

/** Where the displays of the session are to be found. @param {NodeJS.ProcessEnv} env @returns {DisplayAddress[]} */
export function displayAddresses(env) {
  const { WAYLAND_DISPLAY: wayland, DISPLAY: x11, XDG_RUNTIME_DIR: runtime } = env
  /** @type {DisplayAddress[]} */
  const found = []
  if (wayland && (isAbsolute(wayland) || runtime))
    found.push({ name: wayland, path: isAbsolute(wayland) ? wayland : join(/** @type {string} */ (runtime), wayland) })
  const [, host, number] = /^(?:unix)?([^:/]*):(\d+)(?:\.\d+)?$/.exec(x11 ?? '') ?? []
  if (x11 && number !== undefined)
    found.push(
      host ? { name: x11, host, port: 6000 + Number(number) } : { name: x11, path: `/tmp/.X11-unix/X${number}` },
    )
  return found
}

/** Whether somebody takes connections there; who does not within a second is no display to open a window on. */
export const answers = (/** @type {DisplayAddress} */ { path, host, port }) =>
  /** @type {Promise<boolean>} */ (
    new Promise((resolve) => {
      const socket = path ? connect({ path }) : connect({ host, port: /** @type {number} */ (port) })
      const say = (/** @type {boolean} */ answer) => {
        socket.destroy()
        resolve(answer)
      }
      socket.setTimeout(1_000, () => say(false))
      socket.once('connect', () => say(true)).once('error', () => say(false))
    })
  )

/** As Chromium does it: in namespaces of its own. Where the system allows that to no program, it refuses to start. */
export async function canSandbox() {
  try {
    return (await capture('unshare', ['--user', '--map-root-user', 'true'])).code === 0
  } catch {
    return true // There is no `unshare` here: Chromium finds out for itself.
  }
}

const headless = (/** @type {string} */ why) => /** @type {const} */ ({ mode: 'headless', why })

/**
 * @param {Machine} machine
 * @param {readonly string[]} args of `npm start`
 * @returns {Promise<Mode>}
 */
export async function chooseMode(machine, args) {
  if (args.some((arg) => /^(--(web|json|name|help)(=|$)|-h$)/.test(arg)))
    return headless('its options are those of a node without a window')
  let display = 'the screen'
  if (machine.platform === 'linux') {
    const addresses = displayAddresses(machine.env)
    if (addresses.length === 0) return headless('there is no display here (neither DISPLAY nor WAYLAND_DISPLAY)')
    const answering = await Promise.all(addresses.map(machine.answers))
    const found = addresses.find((_, at) => answering[at])
    if (found === undefined) return headless(`no display answers at ${addresses.map(({ name }) => name).join(', ')}`)
    display = `display ${found.name}`
    const refusal = args.includes('--no-sandbox') ? undefined : await sandboxRefusal(machine)
    if (refusal !== undefined) return headless(refusal)
  }
  const electron = await machine.electron()
  if ('why' in electron) return headless(electron.why)
  return { mode: 'desktop', program: electron.program, why: `${display} is there, and so is Electron` }
}

/** @param {Machine} machine */
async function sandboxRefusal({ isRoot, canSandbox }) {
  const anyway = '`npm start -- --no-sandbox` opens the desktop app without it'
  if (isRoot) return `the desktop app has no sandbox for root (start it as an ordinary user; ${anyway})`
  if (!(await canSandbox())) return `this system lets no program of an ordinary user make a sandbox (${anyway})`
  return undefined
}
