/**
 * One start of the desktop app for `desktop.mjs`, timed without a hand in it: the app says when it was where by
 * `performance.mark`s of its own, which are read afterwards through the inspector of its main process. Pages have no
 * debugger attached, which would hold them.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { cpuSeconds } from './desktop-processes.mjs'

/** @typedef {{ name: string, ms: number }} Step since the spawn of the program */
/** @typedef {{ steps: Step[], ms: number, cpuMs: number }} Start */

const DEADLINE_MS = 60_000

/** Runs in the page: waits until the card of the folder is painted. */
async function inPage() {
  const isThere = () => [...document.querySelectorAll('h2, h3')].some((heading) => heading.textContent === 'files')
  if (!isThere())
    await /** @type {Promise<void>} */ (
      new Promise((resolve) => {
        const watch = new MutationObserver(() => {
          if (!isThere()) return
          watch.disconnect()
          resolve()
        })
        watch.observe(document, { subtree: true, childList: true, characterData: true })
      })
    )
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))
  const usable = performance.now()
  const marks = ['mark', 'paint'].flatMap((type) => performance.getEntriesByType(type))
  return [
    { name: 'page asked for', at: performance.timeOrigin },
    ...marks.map(({ name, startTime }) => ({ name: `page: ${name}`, at: performance.timeOrigin + startTime })),
    { name: 'usable', at: performance.timeOrigin + usable },
  ]
}

/** Runs in the main process. @param {string} pageScript */
async function inMain(pageScript) {
  const main = /** @type {any} */ (process)
  const electron = main.mainModule.require('electron')
  const { app } = electron
  await app.whenReady() // before that, asking for windows breaks what Electron is about to load
  const { BrowserWindow } = electron
  const window =
    BrowserWindow.getAllWindows()[0] ??
    (await new Promise((resolve) =>
      app.once('browser-window-created', (/** @type {any} */ _, /** @type {any} */ made) => resolve(made)),
    ))
  const { webContents } = window
  if (webContents.getURL() === '' || webContents.isLoadingMainFrame())
    await new Promise((resolve) => webContents.once('dom-ready', resolve))
  const page = await webContents.mainFrame.executeJavaScript(pageScript)
  const marks = performance.getEntriesByType('mark')
  return [...marks.map(({ name, startTime }) => ({ name, at: performance.timeOrigin + startTime })), ...page]
}

/** Asks the main process, from when it has read its script. @param {string} url of its inspector @param {string} expression */
async function evaluate(url, expression) {
  const socket = new WebSocket(url)
  await once(socket, 'open')
  const ask = async (/** @type {string} */ asked) => {
    const params = { expression: asked, awaitPromise: true, returnByValue: true }
    socket.send(JSON.stringify({ id: 1, method: 'Runtime.evaluate', params }))
    const [{ data }] = await once(socket, 'message', { signal: AbortSignal.timeout(DEADLINE_MS) })
    const { result } = JSON.parse(data)
    if (result.exceptionDetails) throw new Error(`the app does not say how it started: ${data}`)
    return result.result.value
  }
  while (!(await ask('globalThis.process?.mainModule?.loaded === true'))) await pause(5)
  const answer = await ask(expression)
  socket.close()
  return answer
}

/** @param {import('node:child_process').ChildProcessWithoutNullStreams} child @returns {Promise<string>} */
const inspectorOf = (child) =>
  new Promise((resolve, reject) => {
    let text = ''
    child.stderr.setEncoding('utf8').on('data', (/** @type {string} */ piece) => {
      text += piece
      const found = /Debugger listening on (ws:\S+)/.exec(text)
      if (found?.[1]) resolve(found[1])
    })
    child.once('exit', () => reject(new Error(`the app ended: ${text}`)))
  })

/**
 * From the spawn until the card of the folder is painted.
 * @param {string} program @param {string[]} args @param {NodeJS.ProcessEnv} env
 * @returns {Promise<Start>}
 */
export async function measureStart(program, args, env) {
  const spawnedMs = Date.now()
  const child = spawn(program, ['--inspect=0', ...args], { env })
  child.stdout.resume()
  const exited = once(child, 'exit')
  try {
    /** @type {{ name: string, at: number }[]} */
    const marks = await evaluate(await inspectorOf(child), `(${inMain})(${JSON.stringify(`(${inPage})()`)})`)
    const cpuMs = cpuSeconds(/** @type {number} */ (child.pid)) * 1000
    const steps = marks.map(({ name, at }) => ({ name, ms: at - spawnedMs })).sort((a, b) => a.ms - b.ms)
    await pause(500) // what else it does at its start is not cut off by the end
    return { steps, ms: steps.find(({ name }) => name === 'usable')?.ms ?? Number.NaN, cpuMs }
  } finally {
    child.kill('SIGTERM')
    await exited
  }
}
