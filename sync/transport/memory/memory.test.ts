/** The in-memory transport passes the suite of every transport: what the simulator shows holds on real networks. */
import { deviceKey } from '../../blobs/testing.ts'
import { VirtualTimers } from '../../sim/clock.ts'
import { describeTransport, type TransportWorld } from '../conformance.ts'
import { MemoryNetwork } from './network.ts'

const makeWorld = async (): Promise<TransportWorld> => {
  const timers = new VirtualTimers(1)
  const network = new MemoryNetwork({ timers, latencyMs: 5, jitterMs: 5 })
  let devices = 0
  return {
    create: async () => network.join(deviceKey(++devices)),
    strangerKey: () => deviceKey(255),
    settle: async (promise) => {
      let isSettled = false
      const settled = (): void => void (isSettled = true)
      promise.then(settled, settled)
      while (!isSettled) await timers.run(1_000, () => isSettled)
      return promise
    },
    [Symbol.asyncDispose]: async () => undefined,
  }
}

describeTransport('memory', makeWorld)
