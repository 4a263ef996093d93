/**
 * Real nodes for tests: `bin/lattice up` in a home of its own, on loopback and a port that the system chooses, and the
 * same program as its client. Nothing waits for time to pass: a node is ready when it says so.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { EventService } from '#proto/event_api'
import type { PeerInfo } from '#proto/peer_api'
import { bytesToHex } from '#kernel/core/bytes.ts'
import { createRpcClient } from '#daemon/rpc/client.ts'
import { childHasStarted } from './started.ts'

export const program = new URL('../../bin/lattice', import.meta.url).pathname
/** Generous: CI machines build and start several programs at once. A wait for a large tree brings its own `--timeout`. */
const READY_DEADLINE_MS = 60_000
const CONNECTED_DEADLINE_MS = 90_000
const COMMAND_DEADLINE_MS = 600_000

export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a client command to its end, whatever its exit code. */
export const lattice = (home: string, ...args: readonly string[]): Promise<Outcome> =>
  new Promise((resolve) => {
    const options = { env: { ...process.env, LATTICE_HOME: home }, timeout: COMMAND_DEADLINE_MS, maxBuffer: 64 << 20 }
    execFile(program, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ code, stdout, stderr })
    })
  })

export interface Ready {
  readonly device: string
  readonly pid: number
  readonly addresses: readonly string[]
  readonly socket: string
  readonly web?: string
}

export class TestNode implements AsyncDisposable {
  readonly home: string
  readonly name: string
  #process: ChildProcess | undefined
  #ready: Ready | undefined
  #listen = '/ip4/127.0.0.1/tcp/0'
  #stderr = ''

  constructor(root: string, name: string) {
    this.name = name
    this.home = join(root, `${name}-home`)
  }

  get ready(): Ready {
    if (!this.#ready) throw new Error(`${this.name} is not up`)
    return this.#ready
  }

  get stderr(): string {
    return this.#stderr
  }

  /** Resolves once the node prints that it serves. */
  async up(...args: readonly string[]): Promise<Ready> {
    const child = spawn(
      program,
      ['up', '--home', this.home, '--name', this.name, '--listen', this.#listen, '--no-mdns', ...args],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    childHasStarted(child)
    this.#process = child
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    const line = await new Promise<string>((resolve, reject) => {
      const deadline = setTimeout(
        () => reject(new Error(`${this.name} is not ready: ${this.#stderr}`)),
        READY_DEADLINE_MS,
      )
      child.once('exit', (code) => reject(new Error(`${this.name} ended with ${code}: ${this.#stderr}`)))
      createInterface(child.stdout).once('line', (text) => {
        clearTimeout(deadline)
        resolve(text)
      })
    })
    this.#ready = JSON.parse(line.replace(/^ready /, '')) as Ready
    // The port the system gave is kept over restarts, as on a machine of one's own: peers know it by now.
    this.#listen = this.#ready.addresses[0]?.replace(/\/p2p\/.*$/, '') ?? this.#listen
    return this.#ready
  }

  /** Stops as a person would; resolves with the exit code. */
  stop(): Promise<number | null> {
    return this.#end('SIGTERM')
  }

  /** Stops as a crash would. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#process
    this.#process = undefined
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null
    const exited = once(child, 'exit') as Promise<[number | null]>
    child.kill(signal)
    return (await exited)[0]
  }

  /** Resolves once the node says that it is connected to a device, given in hex. */
  async connectedTo(device: string): Promise<void> {
    const client = createRpcClient(this.ready.socket)
    const signal = AbortSignal.timeout(CONNECTED_DEADLINE_MS)
    const isIt = (peer: PeerInfo): boolean => peer.connected && bytesToHex(peer.device) === device
    for await (const reply of client.stream(EventService.method.watch, {}, signal)) {
      if (!reply.ok) throw new Error(`${this.name} stopped telling: ${reply.error.message}`)
      const { event } = reply.value
      if (event.case === 'peer' && isIt(event.value)) return
      if (event.case === 'snapshot' && event.value.peers.some(isIt)) return
    }
    throw new Error(`${this.name} never saw ${device}`)
  }

  run(...args: readonly string[]): Promise<Outcome> {
    return lattice(this.home, ...args)
  }

  /** Runs a command that must succeed; gives back what it printed. */
  async ok(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args)
    if (code !== 0) throw new Error(`${this.name}: lattice ${args.join(' ')} ended with ${code}: ${stderr}${stdout}`)
    return stdout.trimEnd()
  }

  async json<T>(...args: readonly string[]): Promise<T> {
    return JSON.parse(await this.ok(...args, '--json')) as T
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end('SIGKILL')
  }
}

/**
 * Both have and show all that was written on either disk before the call. Being level speaks of connected peers only,
 * so the two are first connected: after a restart that takes a moment. Twice, because what one takes in may be answered
 * by the other (a conflict, a directory that stays).
 */
export const level = async (folder: string, a: TestNode, b: TestNode, timeoutS = 240): Promise<void> => {
  await Promise.all([a.connectedTo(b.ready.device), b.connectedTo(a.ready.device)])
  for (const node of [a, b, a, b]) await node.ok('folder', 'wait', folder, '--timeout', String(timeoutS))
}

/** Two nodes that are up and share the folder `f`. */
export interface Pair {
  readonly a: TestNode
  readonly b: TestNode
  readonly dirA: string
  readonly dirB: string
}

/** A directory for one test, with nodes in it; all of it goes away with the test (LATTICE_KEEP=1: the files stay). */
export class TestWorld implements AsyncDisposable {
  readonly root: string
  readonly #nodes: TestNode[] = []

  private constructor(root: string) {
    this.root = root
  }

  static async create(): Promise<TestWorld> {
    return new TestWorld(await mkdtemp(join(tmpdir(), 'lattice-e2e-')))
  }

  node(name: string): TestNode {
    const node = new TestNode(this.root, name)
    this.#nodes.push(node)
    return node
  }

  async pair(): Promise<Pair> {
    const [a, b] = [this.node('a'), this.node('b')]
    const [dirA, dirB] = [await this.directory('f-of-a'), join(this.root, 'f-of-b')]
    await Promise.all([a.up(), b.up()])
    await a.ok('folder', 'add', dirA, '--name', 'f')
    await b.ok('join', await a.ok('invite', 'f'), dirB)
    await level('f', a, b)
    return { a, b, dirA, dirB }
  }

  async directory(name: string): Promise<string> {
    const path = join(this.root, name)
    await mkdir(path, { recursive: true })
    return path
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node[Symbol.asyncDispose]()))
    if (process.env['LATTICE_KEEP']) console.error(`kept: ${this.root}`)
    else await rm(this.root, { recursive: true, force: true })
  }
}
