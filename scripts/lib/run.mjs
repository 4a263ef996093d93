/** Running other programs from the scripts. */
import { spawn } from 'node:child_process'
import { root, toolEnvironment } from './paths.mjs'

/**
 * Runs a program to its end with our own terminal; resolves to its exit code (a signal counts as 1).
 * @param {string} program
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>}
 */
export function run(program, args, env = toolEnvironment()) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, env, stdio: 'inherit' })
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

/** How long a program that was told to end has for it. */
const endMsMax = 5_000
/** An npm that is told to end tells the shell between us, which ends without a word: that we see by looking. */
const lookEveryMs = 500

/** What `capture` has started and has not ended. @type {Set<import('node:child_process').ChildProcess>} */
const captured = new Set()

/**
 * As `run`, and nothing that the program has started outlives it: it is the head of a process group, which is told to end
 * when we are, and ended when the program is. Then we end as we were told to, and what is being captured with us.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>}
 */
export function runGroup(program, args, env = toolEnvironment()) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, env, detached: true, stdio: ['ignore', 'inherit', 'inherit'] })
    /** @type {NodeJS.Signals | undefined} */
    let told
    /** Once, however often we are told. @param {NodeJS.Signals} signal */
    const tell = (signal) => {
      if (told !== undefined) return
      told = signal
      signalGroup(child, signal)
      setTimeout(() => signalGroup(child, 'SIGKILL'), endMsMax).unref()
    }
    for (const signal of endSignals) process.on(signal, tell)
    const parent = process.ppid
    const look = () => process.ppid === parent || tell('SIGTERM')
    const looking = process.env['npm_lifecycle_event'] === undefined ? undefined : setInterval(look, lookEveryMs)
    child.once('error', reject)
    child.once('exit', (code) => {
      clearInterval(looking)
      for (const signal of endSignals) process.off(signal, tell)
      signalGroup(child, 'SIGKILL')
      if (told === undefined) return resolve(code ?? 1)
      for (const other of captured) other.kill()
      process.kill(process.pid, told)
    })
  })
}

const endSignals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])

/**
 * Sends a signal to all that is left of the process group of a child that was started `detached`.
 * @param {import('node:child_process').ChildProcess} head
 * @param {NodeJS.Signals} signal
 */
export function signalGroup({ pid }, signal) {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ESRCH') throw error // nobody is left of it
  }
}

/**
 * As `run`, but keeps what it prints (both streams, in order) instead of showing it.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<{ code: number, output: string }>}
 */
export function capture(program, args, env = toolEnvironment()) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
    captured.add(child)
    child.once('exit', () => captured.delete(child))
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code: code ?? 1, output }))
  })
}
