/** The desktop app of one person and the node of another, with a folder that they share. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TestApp, type AppOptions } from './electron.ts'
import { lattice, TestNode } from './world.ts'

/** Runs a command at the node of the app, which must succeed; gives back what it printed. */
export const runAt = async (home: string, ...args: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await lattice(home, ...args)
  if (code !== 0) throw new Error(`lattice ${args.join(' ')} ended with ${code}: ${stderr}${stdout}`)
  return stdout.trim()
}

/** Resolves once the node of an app serves: a window, or none, comes before that. */
export const nodeUp = async (home: string): Promise<void> => {
  const deadline = Date.now() + 60_000
  while ((await lattice(home, 'status')).code !== 0)
    if (Date.now() > deadline) throw new Error(`no node came up on ${home}`)
}

export class SharedFolder implements AsyncDisposable {
  readonly app: TestApp
  readonly home: string
  readonly ben: TestNode
  readonly mine: string
  readonly his: string

  private constructor(root: string, app: TestApp, home: string) {
    this.app = app
    this.home = home
    this.ben = new TestNode(root, 'ben')
    this.mine = join(root, 'mine')
    this.his = join(root, 'his')
  }

  /** The app runs with an empty folder `Photos`; Ben has not joined yet. */
  static async create(root: string, options: AppOptions): Promise<SharedFolder> {
    const home = join(root, 'home')
    const shared = new SharedFolder(root, await TestApp.launch(home, options), home)
    try {
      await mkdir(shared.mine)
      await nodeUp(home)
      await shared.run('folder', 'add', shared.mine, '--name', 'Photos')
      await shared.ben.up()
      return shared
    } catch (cause) {
      await shared[Symbol.asyncDispose]()
      throw cause
    }
  }

  /** At the node of the app. */
  run(...args: readonly string[]): Promise<string> {
    return runAt(this.home, ...args)
  }

  async join(): Promise<void> {
    await this.ben.ok('join', await this.run('invite', 'Photos'), this.his)
    await this.level()
  }

  /** Both have what the other wrote before the call. */
  async level(): Promise<void> {
    const { device } = JSON.parse(await this.run('status', '--json')) as { device: string }
    await this.ben.connectedTo(device)
    // Twice, because what one takes in may be answered by the other.
    for (let round = 0; round < 2; round++) {
      await this.run('folder', 'wait', 'Photos', '--timeout', '60')
      await this.ben.ok('folder', 'wait', 'Photos', '--timeout', '60')
    }
  }

  /** Both change a file that both have while Ben is away, and he comes back. */
  async conflictOn(name: string): Promise<void> {
    await writeFile(join(this.mine, name), `${name} as it was\n`)
    await this.level()
    await this.ben.stop()
    await writeFile(join(this.mine, name), `${name} of mine\n`)
    await this.run('folder', 'wait', 'Photos', '--timeout', '60')
    await writeFile(join(this.his, name), `${name} of his\n`)
    await this.ben.up()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app[Symbol.asyncDispose]()
    await this.ben[Symbol.asyncDispose]()
  }
}
