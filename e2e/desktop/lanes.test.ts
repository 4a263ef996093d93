/** Bulk lanes between Electron, whose TLS is BoringSSL, and a node, whose TLS is OpenSSL: both must take the other's key. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { acceptStreams, must } from '#sync/transport/conformance.ts'
import { LaneStream } from '#sync/transport/libp2p/lane-stream.ts'
import { createNode } from '#sync/transport/libp2p/testing.ts'
import { hexToBytes, parsePublicKey } from '#kernel/core/bytes.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const PROTOCOL = '/test/1'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lattice-lanes-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

/** Says who it is and where; opens a bulk stream to whoever connects, and says whether that is a lane. */
const PROGRAM = `
  import { randomBytes } from 'node:crypto'
  import { bytesToHex } from '#kernel/core/bytes.ts'
  import { deviceKeyFromSeed } from './sync/transport/libp2p/identity.ts'
  import { LaneStream } from './sync/transport/libp2p/lane-stream.ts'
  import { createLibp2pTransport } from './sync/transport/libp2p/node.ts'
  const say = (said) => console.log(JSON.stringify(said))
  const main = async () => {
    const created = await createLibp2pTransport({
      deviceKey: deviceKeyFromSeed(randomBytes(32)),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      localDiscovery: false,
      lanes: { host: '127.0.0.1', port: 0 },
      onHandlerError: (error) => { throw error },
    })
    if (!created.ok) throw new Error(created.error.message)
    const node = created.value
    node.handle('${PROTOCOL}', { maxPerPeer: 4 }, () => new Promise(() => undefined))
    node.on('connected', async ({ peer }) => {
      const opened = await node.open(peer, '${PROTOCOL}', { bulk: true })
      say({ isLane: opened.ok && opened.value instanceof LaneStream })
    })
    say({ device: bytesToHex(node.self), addresses: node.addresses() })
  }
  void main()`

test('an app and a node make a lane whichever opens it', async () => {
  const program = join(directory, 'program.cjs')
  const { outputFiles } = await build({
    stdin: { resolveDir: root, loader: 'ts', contents: PROGRAM },
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'node',
    target: 'node18',
  })
  await writeFile(program, outputFiles[0]!.contents)
  const polyfills = join(root, 'e2e', 'support', 'electron-polyfills.cjs')
  const child = spawn(process.env['LATTICE_TEST_ELECTRON']!, ['--require', polyfills, program], {
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
    const next = async <T>(): Promise<T> => JSON.parse((await lines.next()).value ?? 'null') as T
    const { device, addresses } = await next<{ device: string; addresses: string[] }>()
    await using node = await createNode()
    acceptStreams(node, PROTOCOL)
    const peer = must(parsePublicKey(must(hexToBytes(device))))
    must(await node.connect(peer, addresses))
    expect(await next()).toEqual({ isLane: true })
    expect(must(await node.open(peer, PROTOCOL, { bulk: true }))).toBeInstanceOf(LaneStream)
  } finally {
    child.kill('SIGKILL')
  }
})
