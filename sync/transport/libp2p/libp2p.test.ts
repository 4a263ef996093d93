/** The libp2p transport passes the suite of every transport, with and without bulk lanes. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { parsePublicKey, type PublicKey } from '#kernel/core/bytes.ts'
import { acceptStreams, describeTransport, must, nextEvent, type TransportWorld } from '../conformance.ts'
import type { Transport } from '../port.ts'
import { deviceKeyFromSeed } from './identity.ts'
import { createLibp2pTransport, type Libp2pTransportOptions } from './node.ts'
import { createNode } from './testing.ts'

const PROTOCOL = '/test/1'

const strangerKey = (): PublicKey =>
  must(parsePublicKey(Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex')))

const makeWorld = async (options: Partial<Libp2pTransportOptions>): Promise<TransportWorld> => {
  const nodes: Transport[] = []
  return {
    create: async () => {
      const node = await createNode(options)
      nodes.push(node)
      return node
    },
    strangerKey,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()))
    },
  }
}

describeTransport('libp2p', () => makeWorld({}))
describeTransport('libp2p without lanes', () => makeWorld({ lanes: false }))

test('an address that cannot be listened on is said to be bad', async () => {
  const deviceKey = await deviceKeyFromSeed(randomBytes(32))
  const common = { deviceKey, localDiscovery: false, lanes: false, onHandlerError: () => undefined } as const
  for (const listen of ['nonsense', '/ip4/192.0.2.1/tcp/0'])
    expect(await createLibp2pTransport({ ...common, listen: [listen] })).toMatchObject({
      ok: false,
      error: { kind: 'bad-address' },
    })
})

test('a peer that is connected anew is spoken to there, though the old connection does not know yet that it is dead', async () => {
  await using world = await makeWorld({ lanes: false })
  const [a, b] = [await world.create(), await world.create()]
  const port = Number(/\/tcp\/(\d+)/.exec(b.addresses()[0]!)![1])
  const sockets: { near: Socket; far: Socket }[] = []
  const proxy = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    sockets.push({ near, far })
    for (const socket of [near, far]) socket.on('error', () => undefined)
    near.pipe(far).pipe(near)
  })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => {
    for (const { near } of sockets) near.destroy()
    proxy.close()
  })
  const [acceptA, acceptB] = [acceptStreams(a), acceptStreams(b)]
  const known = nextEvent(b, 'connected')
  must(await a.connect(b.self, [`/ip4/127.0.0.1/tcp/${(proxy.address() as AddressInfo).port}`]))
  await known
  const gone = nextEvent(b, 'disconnected')
  // The other end of the old connection goes without a word to this one.
  for (const { far } of sockets) far.destroy()
  await gone
  must(await b.connect(a.self, a.addresses()))
  must(await b.open(a.self, PROTOCOL))
  await acceptA()
  must(await a.open(b.self, PROTOCOL))
  await acceptB()
})
