/** What runs for a test (nodes, apps, browsers), so that a test that was cut short leaves none of it behind. */
import type { ChildProcess } from 'node:child_process'

const running = new Map<object, () => unknown>()

/** From now on `thing` runs; `end` ends it at once. */
export const hasStarted = (thing: object, end: () => unknown): void => {
  running.set(thing, end)
}

export const hasEnded = (thing: object): void => {
  running.delete(thing)
}

/** As the other, of a process: it has ended once it exits. `signal`: another for one that has to end others. */
export const childHasStarted = (child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): void => {
  hasStarted(child, () => child.kill(signal))
  child.once('exit', () => hasEnded(child))
}

export const whatRuns = (): ReadonlySet<object> => new Set(running.keys())

/** Ends what runs, but for `kept`. */
export const endAllBut = async (kept: ReadonlySet<object>): Promise<void> => {
  const ended = [...running].filter(([thing]) => !kept.has(thing))
  await Promise.all(ended.map(([, end]) => end()))
  for (const [thing] of ended) running.delete(thing)
}
