/** Real nodes as separate processes, driven by the command line only, as a person would. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

const run = promisify(execFile)
export const latticeBin = path.resolve(import.meta.dirname, '../../bin/lattice')

/** A directory of this test's own, removed when the scope ends. */
export function scratch(): { readonly dir: string } & Disposable {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lattice-e2e-'))
  return { dir, [Symbol.dispose]: () => fs.rmSync(dir, { recursive: true, force: true }) }
}

export class CliError extends Error {
  override readonly name = 'CliError'
  readonly exitCode: number
  readonly stderr: string
  constructor(args: readonly string[], exitCode: number, stderr: string) {
    super(`lattice ${args.join(' ')} exited with ${exitCode}: ${stderr.trim()}`)
    this.exitCode = exitCode
    this.stderr = stderr
  }
}

/** One home, and its node while it runs. */
export class TestNode implements AsyncDisposable {
  readonly home: string
  #child: ChildProcess | undefined
  #log = ''

  constructor(home: string) {
    this.home = home
    fs.mkdirSync(home, { recursive: true })
  }

  /** Resolves with what the `ready` line says. Rejects with the log if the node ends or is not ready in time. */
  async up(...args: string[]): Promise<Record<string, unknown>> {
    const child = spawn(
      latticeBin,
      ['up', '--home', this.home, '--listen', '/ip4/127.0.0.1/tcp/0', '--no-mdns', ...args],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    this.#child = child
    this.#log = ''
    child.stderr.on('data', (bytes: Buffer) => (this.#log = (this.#log + bytes.toString()).slice(-20_000)))
    return await new Promise((resolve, reject) => {
      const deadline = setTimeout(() => reject(new Error(`not ready within 60 s:\n${this.#log}`)), 60_000)
      child.once('exit', (code, signal) => {
        clearTimeout(deadline)
        reject(new Error(`the node ended (${code ?? signal}) before it was ready:\n${this.#log}`))
      })
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (!line.startsWith('ready ')) return
        clearTimeout(deadline)
        resolve(JSON.parse(line.slice('ready '.length)) as Record<string, unknown>)
      })
    })
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** The last of what the node said on stderr. */
  get log(): string {
    return this.#log
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child === undefined || !this.running) return
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    child.kill(signal)
    await gone
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM')
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  /** Runs a command against this home; resolves with stdout, trimmed. */
  async cli(...args: string[]): Promise<string> {
    try {
      const { stdout } = await run(latticeBin, [...args, '--home', this.home], {
        timeout: 300_000,
        maxBuffer: 64 << 20,
      })
      return stdout.trim()
    } catch (error) {
      const failed = error as { code?: number; stderr?: string }
      throw new CliError(args, failed.code ?? -1, failed.stderr ?? String(error))
    }
  }

  async json<T = Record<string, unknown>>(...args: string[]): Promise<T> {
    return JSON.parse(await this.cli(...args, '--json')) as T
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

/** Waits on both, twice, until neither has anything left to say to the other. */
export async function level(a: TestNode, b: TestNode, folder = 'f', timeoutS = 240): Promise<void> {
  for (const node of [a, b, a]) await node.cli('folder', 'wait', folder, '--timeout', String(timeoutS))
}

/** Two running nodes that share the folder `f`: `dir/a` on the first, `dir/b` on the second. */
export async function pair(
  dir: string,
): Promise<{ a: TestNode; b: TestNode; dirA: string; dirB: string } & AsyncDisposable> {
  const [dirA, dirB] = [path.join(dir, 'a'), path.join(dir, 'b')]
  fs.mkdirSync(dirA)
  const a = new TestNode(path.join(dir, 'home-a'))
  const b = new TestNode(path.join(dir, 'home-b'))
  await Promise.all([a.up(), b.up()])
  await a.cli('folder', 'add', dirA, '--name', 'f')
  await b.cli('join', await a.cli('invite', 'f'), dirB)
  await level(a, b)
  const dispose = async (): Promise<void> => void (await Promise.all([a.stop(), b.stop()]))
  return { a, b, dirA, dirB, [Symbol.asyncDispose]: dispose }
}
