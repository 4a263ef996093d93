/**
 * The packaged app for tests: made by Forge as for a release, started as its own program. Its fuses keep Playwright out
 * of the main process, so tests see what a page sees, over Chromium's debugging port on loopback.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { DebuggedPage } from './debugged-page.ts'
import { childHasStarted } from './started.ts'

const script = fileURLToPath(new URL('../../scripts/package-for-tests.mjs', import.meta.url))
/** Generous: it ends what hangs. */
const START_DEADLINE_MS = 60_000

/** Runs Forge; what it makes goes to `out`. */
export const forge = async (out: string, ...args: readonly string[]): Promise<void> => {
  const child = spawn(process.execPath, [script, ...args], {
    env: { ...process.env, LATTICE_PACKAGE_OUT: out },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`electron-forge ${args.join(' ')} ended with ${code}:\n${output}`)
}

/** An app that was told `--remote-debugging-port=0`, once its window shows the interface. */
export class DebuggedApp implements AsyncDisposable {
  readonly process: ChildProcess
  readonly page: DebuggedPage
  readonly #output: () => string

  private constructor(process: ChildProcess, page: DebuggedPage, output: () => string) {
    this.process = process
    this.page = page
    this.#output = output
  }

  /** `child` has pipes for its output. */
  static async attach(child: ChildProcess): Promise<DebuggedApp> {
    childHasStarted(child)
    let output = ''
    const address = await new Promise<string>((resolve, reject) => {
      const fail = (why: string): void => reject(new Error(`the app ${why}:\n${output}`))
      const deadline = setTimeout(() => fail('opens no window'), START_DEADLINE_MS)
      child.once('exit', (code) => fail(`ended with ${code}`))
      for (const stream of [child.stdout, child.stderr])
        stream?.setEncoding('utf8').on('data', (text: string) => {
          output += text
          const [, found] = /^DevTools listening on (ws:\/\/127\.0\.0\.1:\S+)/m.exec(output) ?? []
          if (found === undefined) return
          clearTimeout(deadline)
          resolve(found)
        })
    })
    try {
      const signal = AbortSignal.timeout(START_DEADLINE_MS)
      return new DebuggedApp(child, await DebuggedPage.attach(address, 'lattice-app://app/', signal), () => output)
    } catch (cause) {
      child.kill()
      throw new Error(`the app shows no interface:\n${output}`, { cause })
    }
  }

  /** All that the app printed. */
  get output(): string {
    return this.#output()
  }

  /** Stops as the system stops programs at the end of a session; resolves with the exit code. */
  async terminate(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const { process: child } = this
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
    const exited = once(child, 'exit') as Promise<[number | null]>
    child.kill(signal)
    return (await exited)[0]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.page.close()
    await this.terminate() // in order: who started the app for us must be told, too, and it ends by itself in time
  }
}

/** What every start of the app in a test says: nothing outside of this machine, no GPU, which is not there. */
export const packagedArgs = (home: string): string[] => [
  `--home=${home}`,
  '--listen=/ip4/127.0.0.1/tcp/0',
  '--no-mdns',
  '--disable-gpu',
  '--remote-debugging-port=0',
]
