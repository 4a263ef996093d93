import { describe, expect, test } from 'vitest'
import { createSigner } from '#kernel/core/identity.ts'
import { Dialer } from './dialer.ts'
import { VirtualTimers } from './sim/clock.ts'
import { MemoryNetwork } from './transport/memory/network.ts'

const DIAL_MS = 5_000
const keyOf = (seed: number) => createSigner(new Uint8Array(32).fill(seed)).publicKey

/** A device that dials another one, which is not there yet; each dial takes `DIAL_MS`. */
const dialing = () => {
  const timers = new VirtualTimers(1, 0)
  const network = new MemoryNetwork({ timers, latencyMs: DIAL_MS / 2 })
  const transport = network.join(keyOf(1))
  const peer = keyOf(2)
  const dialsMs: number[] = []
  const connect = transport.connect.bind(transport)
  transport.connect = (to, addresses) => {
    dialsMs.push(timers.nowMs())
    return connect(to, addresses)
  }
  const dialer = new Dialer({ transport, timers, isWanted: () => true, addressesOf: (key) => [`/memory/${key}`] })
  return { timers, network, transport, peer, dialsMs, dialer }
}

describe('the dialer', () => {
  test('dials with growing pauses while nobody answers, and at once when kicked', async () => {
    const { timers, dialer, peer, dialsMs } = dialing()
    dialer.kick(peer)
    await timers.run(60_000, () => dialsMs.length === 8)
    const pausesMs = dialsMs.slice(1).map((atMs, i) => atMs - dialsMs[i]! - DIAL_MS)
    for (const [i, pauseMs] of pausesMs.entries()) expect(pauseMs).toBeGreaterThanOrEqual(100 * 1.7 ** (i + 1))
    await timers.run(DIAL_MS)
    const kickedMs = timers.nowMs()
    dialer.kick(peer)
    await timers.run(0)
    expect(dialsMs).toHaveLength(9)
    expect(dialsMs.at(-1)).toBe(kickedMs)
  })

  test('dials again right after a dial that was under way when it was kicked', async () => {
    const { timers, network, transport, dialer, peer, dialsMs } = dialing()
    dialer.kick(peer)
    await timers.run(DIAL_MS - 1)
    dialer.kick(peer)
    dialer.kick(peer)
    await timers.run(DIAL_MS)
    expect(dialsMs).toEqual([0, DIAL_MS])
    network.join(peer)
    await timers.run(DIAL_MS)
    expect(transport.connections()).toHaveLength(1)
    expect(dialsMs).toEqual([0, DIAL_MS])
  })

  test('forgets a kick that the dial under way has made needless', async () => {
    const { timers, network, dialer, peer, dialsMs } = dialing()
    network.join(peer)
    dialer.kick(peer)
    await timers.run(DIAL_MS - 1)
    dialer.kick(peer)
    await timers.run(60_000)
    expect(dialsMs).toEqual([0])
  })
})
