/** Nodes on loopback, for tests and benchmarks. */
import { randomBytes } from 'node:crypto'
import { must } from '../conformance.ts'
import type { Transport } from '../port.ts'
import { deviceKeyFromSeed } from './identity.ts'
import { createLibp2pTransport, type Libp2pTransportOptions } from './node.ts'

/** A node with a fresh key, on a free port of 127.0.0.1, without local discovery. */
export const createNode = async (options: Partial<Libp2pTransportOptions> = {}): Promise<Transport> =>
  must(
    await createLibp2pTransport({
      deviceKey: deviceKeyFromSeed(randomBytes(32)),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      localDiscovery: false,
      lanes: { host: '127.0.0.1', port: 0 },
      onHandlerError: (error) => {
        throw error
      },
      ...options,
    }),
  )
