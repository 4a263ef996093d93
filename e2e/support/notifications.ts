/** A real notification daemon (dunst) in the test session, what it was asked to show, and a click on it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sessionBus, type Variant } from 'dbus-next'
import { expect } from 'vitest'
import { callBus, CallMonitor, nameOwned } from './session-bus.ts'
import { childHasStarted } from './started.ts'

const DEADLINE_MS = 60_000
const NAME = 'org.freedesktop.Notifications'
const DUNST = { destination: NAME, path: '/org/freedesktop/Notifications', interface: 'org.dunstproject.cmd0' } as const

/** They stay until they are clicked: nothing here depends on how long a test takes. */
const configuration = ['low', 'normal', 'critical'].map((urgency) => `[urgency_${urgency}]\ntimeout = 0\n`).join('')

export interface Shown {
  readonly title: string
  readonly body: string
}

export class Notifications implements AsyncDisposable {
  readonly #daemon: ChildProcess
  readonly #monitor: CallMonitor
  readonly #bus = sessionBus()

  private constructor(daemon: ChildProcess, monitor: CallMonitor) {
    this.#daemon = daemon
    this.#monitor = monitor
  }

  /** Before the app: what is to be shown while there is none is lost. */
  static async start(directory: string): Promise<Notifications> {
    const path = join(directory, 'dunstrc')
    await writeFile(path, configuration)
    const daemon = spawn('dunst', ['-conf', path], { stdio: ['ignore', 'ignore', 'pipe'] })
    childHasStarted(daemon)
    let said = ''
    daemon.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
    const ended = once(daemon, 'close').then(() => Promise.reject(new Error(`dunst did not stay: ${said}`)))
    await Promise.race([nameOwned(NAME), ended])
    ended.catch(() => undefined) // from here on it may
    return new Notifications(daemon, await CallMonitor.of(NAME))
  }

  /** All that it was asked to show, oldest first. */
  get shown(): readonly Shown[] {
    return this.#monitor.named('Notify').map(({ body }) => ({ title: String(body[3]), body: String(body[4]) }))
  }

  /** Resolves once there have been so many. */
  async nth(count: number): Promise<Shown> {
    const areEnough = (shown: readonly Shown[]): boolean => shown.length >= count
    await expect.poll(() => this.shown, { timeout: DEADLINE_MS }).toSatisfy(areEnough)
    return this.shown[count - 1]!
  }

  /** Clicks the one at the top, which is the only one unless there were several, once it is on the screen. */
  async click(): Promise<void> {
    const property = { ...DUNST, interface: 'org.freedesktop.DBus.Properties', member: 'Get', signature: 'ss' }
    const displayed = async (): Promise<unknown> => {
      const [length] = await callBus(this.#bus, { ...property, body: [DUNST.interface, 'displayedLength'] })
      return (length as Variant).value
    }
    await expect.poll(displayed, { timeout: 20_000 }).toBeGreaterThan(0)
    await callBus(this.#bus, { ...DUNST, member: 'NotificationAction', signature: 'u', body: [0] })
    // Its mouse would do both.
    await callBus(this.#bus, { ...DUNST, member: 'NotificationCloseAll' })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#monitor[Symbol.dispose]()
    this.#bus.disconnect()
    if (this.#daemon.exitCode !== null || this.#daemon.signalCode !== null) return
    const exited = once(this.#daemon, 'exit')
    this.#daemon.kill()
    await exited
  }
}
