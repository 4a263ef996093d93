/**
 * The desktop app for tests: the real one, in the Electron that `npm run e2e:electron` names, in the desktop session of
 * its file of tests, with a home of its own, on loopback.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { _electron, type ElectronApplication, type Page } from 'playwright-core'
import { childHasStarted } from './started.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

const electronProgram = (): string => {
  const program = process.env['LATTICE_TEST_ELECTRON']
  if (!program) throw new Error('run these tests with `npm run e2e:electron`')
  return program
}

const startArgs = (
  home: string,
  args: readonly string[],
  listen: readonly string[] = ['/ip4/127.0.0.1/tcp/0'],
): string[] => [
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  '--password-store=gnome-libsecret',
  '--disable-gpu', // there is none, and looking for it fails at times on a busy machine
  `--home=${home}`,
  ...listen.map((address) => `--listen=${address}`),
  '--no-mdns',
  ...args,
]

export interface AppOptions {
  readonly args?: readonly string[]
  /** In place of a port of loopback that the system chooses; none: what config.json says. */
  readonly listen?: readonly string[]
  /** In place of what the session says. */
  readonly env?: Readonly<Record<string, string>>
  /** The real one; without it a plain page stands in its place, and a test takes the port. */
  readonly hasInterface?: boolean
}

const environment = ({ env = {}, hasInterface = false }: AppOptions = {}): Record<string, string> => ({
  ...Object.fromEntries(
    Object.entries({ ...process.env, ...env, ...(hasInterface && { LATTICE_TEST_APP: root }) }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  ),
  LATTICE_APP_ROOT: root,
})

/** An app that is driven. `stop` ends it as a person would; left to itself it is killed with the test. */
export class TestApp implements AsyncDisposable {
  readonly app: ElectronApplication
  /** Playwright does not give it any more once the app has ended. */
  readonly process: ChildProcess
  #output = ''

  private constructor(app: ElectronApplication) {
    this.app = app
    this.process = app.process()
    childHasStarted(this.process)
    for (const stream of [this.process.stdout, this.process.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (this.#output += text))
  }

  static start(home: string, ...args: readonly string[]): Promise<TestApp> {
    return TestApp.launch(home, { args })
  }

  static async launch(home: string, options: AppOptions): Promise<TestApp> {
    const app = await _electron.launch({
      executablePath: electronProgram(),
      args: startArgs(home, options.args ?? [], options.listen),
      env: { ...environment(options), LATTICE_TEST_DRIVEN: '1' },
      timeout: 30_000,
    })
    return new TestApp(app)
  }

  /** All that the app printed. */
  get output(): string {
    return this.#output
  }

  /** The window, once it shows something. */
  async page(): Promise<Page> {
    const page = this.app.windows()[0] ?? (await this.app.waitForEvent('window'))
    await page.waitForLoadState('domcontentloaded')
    return page
  }

  /** Quits in order; resolves with the exit code. */
  async quit(): Promise<number | null> {
    const child = this.process
    const exited = once(child, 'exit') as Promise<[number | null]>
    await this.app.evaluate(({ app }) => app.quit()).catch(() => undefined) // the answer may not come back any more
    return (await exited)[0]
  }

  /** Stops as the system stops programs at the end of a session; resolves with the exit code. */
  async terminate(): Promise<number | null> {
    const child = this.process
    const exited = once(child, 'exit') as Promise<[number | null]>
    child.kill('SIGTERM')
    return (await exited)[0]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.process
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
}

/** Starts the app as a person or the system would, beside one that may run; resolves with the exit code. */
export const startBeside = async (home: string, ...args: readonly string[]): Promise<number | null> => {
  const env = environment()
  const child: ChildProcess = spawn(electronProgram(), startArgs(home, args), { env, stdio: 'ignore' })
  childHasStarted(child)
  const [code] = (await once(child, 'exit')) as [number | null]
  return code
}

/** The page's end of the port as one script, which leaves `withClients()` on the window. */
export const portScript = async (): Promise<string> => {
  const result = await build({
    stdin: {
      resolveDir: root,
      loader: 'ts',
      contents: `
        import { Code, ConnectError, createClient } from '@connectrpc/connect'
        import { DesktopService } from '#proto/desktop_api'
        import { NodeService } from '#proto/node_api'
        import { FolderService } from '#proto/folder_api'
        import { openPortTransport } from './renderer/connection/port-transport.ts'
        const openClients = async () => {
          const transport = await openPortTransport()
          return {
            node: createClient(NodeService, transport),
            desktop: createClient(DesktopService, transport),
            folders: createClient(FolderService, transport),
          }
        }
        window.withClients = async (calls) => {
          for (;;) {
            try {
              return await calls(await openClients())
            } catch (cause) {
              if (ConnectError.from(cause).code !== Code.Unavailable) throw cause
            }
          }
        }`,
    },
    bundle: true,
    write: false,
    format: 'iife',
    target: 'chrome114',
  })
  return result.outputFiles[0]!.text
}
