/** A join with approval whose connection breaks once, at any moment of it: nobody answers twice, or waits for ever. */
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { sha256 } from '#kernel/core/hash.ts'
import { addPeer, createInvite } from '#kernel/store/admin.ts'
import { must } from '#kernel/store/testkit.ts'
import type { SimNode } from '../sim/device.ts'
import { World } from '../sim/world.ts'
import { askToJoin, takePart } from './join.ts'
import { hashSecret } from './link.ts'
import { JoinServer } from './serve.ts'

const secret = sha256(new TextEncoder().encode('a secret'))
const HOUR_MS = 3_600_000
/** Far more than it takes, the way back to each other included. */
const WITHIN_MS = 60_000
const STEP_MS = 5
const LAST_MS = 500

interface Seen {
  readonly outcome: string
  /** On the screen of the device that joins, when the connection broke and in all. */
  readonly shownAtBreak: number
  readonly shown: readonly string[]
  /** On the other screen. */
  readonly asked: readonly string[]
  /** After the first session. */
  readonly isLevel: boolean
}

/** The inviter's person says yes so long after he has seen who waits; `breakAtMs`: after the join began. */
const joinBrokenAt = async (breakAtMs: number, answerAfterMs: number): Promise<Seen> => {
  const world = new World({ seed: breakAtMs + 1, nodes: 2 })
  const { timers, network } = world
  const [host, guest] = world.nodes as [SimNode, SimNode]
  try {
    await Promise.all([host.start(), guest.start()])
    const stores = host.manager
    const { transport } = host.running!
    const { id } = must(await stores.create('core:kv', { name: 'ours' }))
    const terms = { role: 'writer', expiresMs: timers.nowMs() + HOUR_MS, uses: 1 } as const
    must(await createInvite(stores, id, { secretHash: hashSecret(secret), ...terms, approval: true }))
    using server = new JoinServer({
      transport,
      stores,
      timers,
      randomBytes,
      admit: (store, peer) => addPeer(stores, store.id, peer),
    })
    const asked = new Set<string>()
    server.on('changed', () => {
      for (const join of server.waiting()) {
        if (asked.has(join.words.join(' '))) continue
        asked.add(join.words.join(' '))
        timers.after(answerAfterMs, () => void server.answer(join.id, true))
      }
    })
    const shown: string[] = []
    let [outcome, shownAtBreak] = ['', -1]
    const follow = async (): Promise<void> => {
      const { manager, engine, transport: from } = guest.running!
      const remember = (...to: Parameters<typeof engine.remember>) => engine.remember(...to)
      const admission = await askToJoin(
        { storeId: id, inviter: transport.self, secret, ...terms, addresses: transport.addresses() },
        {
          transport: from,
          timers,
          deviceName: 'guest',
          randomBytes,
          asked: (words) => shown.push(words.join(' ')),
        },
      )
      const joined = admission.ok ? await takePart(admission.value, { stores: manager, remember }) : admission
      outcome = joined.ok ? 'joined' : joined.error.kind
    }
    void follow()
    timers.after(breakAtMs, () => {
      shownAtBreak = shown.length
      network.drop(host.signer.publicKey, guest.signer.publicKey)
    })
    await timers.run(WITHIN_MS, () => outcome !== '' && shownAtBreak >= 0)
    const isLevel = await timers.run(WITHIN_MS, () => host.engine.isLevel(id) && guest.engine.isLevel(id))
    expect(world.errors).toEqual([])
    return { outcome, shownAtBreak, shown, asked: [...asked], isLevel }
  } finally {
    await world.dispose()
  }
}

test.each([
  ['at once', 0],
  ['once it is whole again', 5_000],
])('a break is nothing to either person, if the inviter’s answers %s', async (_, answerAfterMs) => {
  const seen: Seen[] = []
  for (let atMs = 0; atMs <= LAST_MS; atMs += STEP_MS) seen.push(await joinBrokenAt(atMs, answerAfterMs))
  for (const { outcome, shown, asked, isLevel } of seen) {
    // Before there are words it is no more than a device that cannot be reached.
    if (outcome === 'not-reachable') expect([shown, asked]).toEqual([[], []])
    else expect([outcome, asked.length, isLevel]).toEqual(['joined', 1, true])
    // The same words, or none yet when the answer was there.
    expect(shown.length === 0 || shown.join() === asked.join()).toBe(true)
  }
  // The break came early, in between, and late.
  expect(new Set(seen.map(({ shownAtBreak }) => shownAtBreak))).toEqual(new Set([0, 1]))
  expect(seen.at(-1)!.shown).toHaveLength(1)
})
