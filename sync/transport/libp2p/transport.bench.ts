/**
 * How fast one stream is, and what it costs: a muxed stream against a bulk lane, sender and receiver in a process
 * each, over loopback. Run: `node sync/transport/libp2p/transport.bench.ts [MIB]`. One line of JSON per case.
 */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parsePublicKey } from '#kernel/core/bytes.ts'
import { must, readAll } from '../conformance.ts'
import { createNode } from './testing.ts'

const PROTOCOL = '/bench/1'
const WRITE = 256 * 1024
const MIB = 1024 * 1024

interface Hello {
  readonly self: string
  readonly addresses: readonly string[]
}
interface Used {
  readonly cpuSeconds: number
  readonly rssMib: number
}

const usage = (since: NodeJS.CpuUsage): Used => {
  const { user, system } = process.cpuUsage(since)
  return { cpuSeconds: (user + system) / 1e6, rssMib: Math.round(process.memoryUsage().rss / MIB) }
}

/** Receives one stream after the other, answers each with a byte, and reports what that cost. */
const receive = async (): Promise<void> => {
  const node = await createNode()
  node.handle(PROTOCOL, { maxPerPeer: 4 }, async (stream) => {
    const since = process.cpuUsage()
    while (await stream.read());
    process.send!(usage(since))
    await stream.write(Uint8Array.of(1))
    await stream.end()
  })
  process.send!({ self: Buffer.from(node.self).toString('hex'), addresses: node.addresses() } satisfies Hello)
}

const measure = async (mib: number): Promise<void> => {
  const receiver = fork(fileURLToPath(import.meta.url), ['--receive'])
  const message = <T>(): Promise<T> =>
    new Promise((resolve) => receiver.once('message', (found) => resolve(found as T)))
  const hello = await message<Hello>()
  const node = await createNode()
  const peer = must(parsePublicKey(Buffer.from(hello.self, 'hex')))
  must(await node.connect(peer, hello.addresses))
  const piece = new Uint8Array(WRITE).fill(7)
  for (const bulk of [false, true, false, true]) {
    const stream = must(await node.open(peer, PROTOCOL, { bulk }))
    const report = message<Used>()
    const since = process.cpuUsage()
    const startedMs = performance.now()
    for (let sent = 0; sent < mib * MIB; sent += WRITE) await stream.write(piece)
    await stream.end()
    await readAll(stream)
    const seconds = (performance.now() - startedMs) / 1000
    const perGib = (used: Used): number => Number(((used.cpuSeconds * 1024) / mib).toFixed(2))
    const [sender, far] = [usage(since), await report]
    console.log(
      JSON.stringify({
        stream: bulk ? 'lane' : 'muxed',
        mibPerSecond: Math.round(mib / seconds),
        senderCpuSecondsPerGib: perGib(sender),
        receiverCpuSecondsPerGib: perGib(far),
        senderRssMib: sender.rssMib,
        receiverRssMib: far.rssMib,
      }),
    )
  }
  await node[Symbol.asyncDispose]()
  receiver.kill()
}

await (process.argv.includes('--receive') ? receive() : measure(Number(process.argv[2] ?? 1024)))
