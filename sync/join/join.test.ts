import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { JoinRequestSchema } from '#proto/wire'
import { bytesToHex, hexToBytes, parseHash, parsePublicKey, type StoreId } from '#kernel/core/bytes.ts'
import { sha256 } from '#kernel/core/hash.ts'
import { createSigner } from '#kernel/core/identity.ts'
import { addPeer, createInvite, revokeInvite } from '#kernel/store/admin.ts'
import { must } from '#kernel/store/testkit.ts'
import { FrameReader, FrameWriter } from '../framing.ts'
import type { SimNode } from '../sim/device.ts'
import { World } from '../sim/world.ts'
import { StreamClosedError } from '../transport/port.ts'
import { askToJoin, ROUNDS_MAX, takePart, type AskOptions, type PartOptions } from './join.ts'
import { decodeLink, encodeLink, hashSecret, type InviteLink } from './link.ts'
import { anyJoiningIsHandled, anyTextIsHandled, linkArbitrary, wordsAgree } from './properties.ts'
import { JOIN_PROTOCOL, JOIN_VERSION, WAIT_MS } from './protocol.ts'
import { JoinServer, ROUNDS_OF_INVITE } from './serve.ts'
import { WAITING_MAX } from './waiting.ts'
import { commitTo, joinWords } from './words.ts'

describe('a link', () => {
  test('comes back as it was', () => {
    fc.assert(
      fc.property(linkArbitrary, (link) => {
        expect(decodeLink(encodeLink(link))).toEqual({ ok: true, value: link })
      }),
    )
  })

  test('that any one character changed in is refused', () => {
    fc.assert(
      fc.property(linkArbitrary, fc.nat(), fc.constantFrom(...'AaZz09-_'), (link, at, char) => {
        const text = encodeLink(link)
        const i = at % text.length
        if (text[i] === char) return
        expect(decodeLink(text.slice(0, i) + char + text.slice(i + 1)).ok).toBe(false)
      }),
    )
  })

  test('survives any text', () => anyTextIsHandled(500))
  test('any question and any answer are sound or refused', () => anyJoiningIsHandled(500))

  test('gives both sides the same words, and nobody else', () => wordsAgree(500))

  test('has the golden spelling', () => {
    const url = new URL('../../proto/vectors/link/v1.json', import.meta.url)
    const vectors = JSON.parse(readFileSync(url, 'utf8'))
    const unhex = (hex: string): Uint8Array => must(hexToBytes(hex))
    for (const { text, link } of vectors.valid) {
      const value: InviteLink = {
        ...link,
        storeId: must(parseHash(unhex(link.storeId))),
        inviter: must(parsePublicKey(unhex(link.inviter))),
        secret: unhex(link.secret),
      }
      expect(encodeLink(value)).toBe(text)
      expect(decodeLink(text)).toEqual({ ok: true, value })
      expect(bytesToHex(hashSecret(value.secret))).toBe(link.secretHash ?? vectors.secretHash)
    }
    for (const { inviter, joiner, secret, inviterNonce, joinerNonce, commitment, words } of vectors.words) {
      const pair = { inviter: must(parsePublicKey(unhex(inviter))), joiner: must(parsePublicKey(unhex(joiner))) }
      const nonces = { inviterNonce: unhex(inviterNonce), joinerNonce: unhex(joinerNonce) }
      expect(bytesToHex(commitTo(pair, nonces.joinerNonce))).toBe(commitment)
      expect(joinWords({ ...pair, secret: unhex(secret), ...nonces })).toEqual(words)
    }
    for (const { text, kind } of vectors.invalid) expect(decodeLink(text)).toMatchObject({ error: { kind } })
  })
})

const join = async (link: InviteLink, options: AskOptions & PartOptions) => {
  const admission = await askToJoin(link, options)
  return admission.ok ? takePart(admission.value, options) : admission
}

describe('joining', () => {
  let world: World
  let id: StoreId
  let inviter: SimNode
  let guest: SimNode
  let server: JoinServer
  /** Called as the inviter makes its nonce. */
  let beginsRound: () => void
  const secret = sha256(new TextEncoder().encode('a secret'))

  beforeEach(async () => {
    world = new World({ seed: 3, nodes: 7 })
    beginsRound = () => undefined
    for (const node of world.nodes) await node.start()
    ;[inviter, guest] = world.nodes as [SimNode, SimNode]
    const created = await inviter.running!.manager.create('core:kv', { name: 'ours' })
    id = must(created).id
    server = serve()
  })
  afterEach(() => world.dispose())

  const serve = (): JoinServer => {
    const { manager, transport } = inviter.running!
    return new JoinServer({
      transport,
      stores: manager,
      timers: world.timers,
      randomBytes: (length) => {
        beginsRound()
        return randomBytes(length)
      },
      admit: (store, peer) => addPeer(manager, store.id, peer),
    })
  }
  /** It knows nothing any more of who waited. */
  const serveAnew = (): void => {
    server[Symbol.dispose]()
    server = serve()
  }

  const invite = async (uses = 1, expiresMs = world.timers.nowMs() + 60_000, approval = false): Promise<InviteLink> => {
    const { manager, transport } = inviter.running!
    must(await createInvite(manager, id, { secretHash: hashSecret(secret), role: 'writer', expiresMs, uses, approval }))
    const key = inviter.signer.publicKey
    return { storeId: id, inviter: key, secret, expiresMs, role: 'writer', uses, addresses: transport.addresses() }
  }

  const startJoin = (link: InviteLink, node = guest, name = node.name, signal?: AbortSignal) => {
    const { manager, transport, engine } = node.running!
    const joining: { result: Awaited<ReturnType<typeof join>> | undefined; readonly shown: string[] } = {
      result: undefined,
      shown: [],
    }
    void join(link, {
      transport,
      stores: manager,
      timers: world.timers,
      remember: (peer, addresses) => engine.remember(peer, addresses),
      deviceName: name,
      randomBytes,
      asked: (words) => joining.shown.push(words.join(' ')),
      ...(signal && { signal }),
    }).then((result) => (joining.result = result))
    return joining
  }

  const ended = async (joining: ReturnType<typeof startJoin>, withinMs = 60_000) => {
    await world.timers.run(withinMs, () => joining.result !== undefined)
    if (!joining.result) throw new Error('joining does not end')
    return joining.result
  }

  const accept = (link: InviteLink, node = guest) => ended(startJoin(link, node))

  test('admits the guest, whose store fills by itself', async () => {
    expect(await accept(await invite())).toMatchObject({
      ok: true,
      value: { type: 'core:kv', name: 'ours', role: 'writer' },
    })
    await inviter.write(id, world.timers.random)
    const isLevel = await world.timers.run(5_000, () => inviter.engine.isLevel(id) && guest.engine.isLevel(id))
    expect(isLevel).toBe(true)
    expect(guest.stateOf(id)).toEqual(inviter.stateOf(id))
    expect(guest.store(id)!.access.peer(guest.signer.publicKey)?.role).toBe('writer')
  })

  test('answers the same guest again without using the invite up', async () => {
    const link = await invite(1)
    expect((await accept(link)).ok).toBe(true)
    expect((await accept(link)).ok).toBe(true)
    expect(inviter.store(id)!.access.invites()[0]!.used).toBe(1)
    expect(await accept(link, world.nodes[2])).toMatchObject({ error: { kind: 'invite-used-up' } })
  })

  const expectNoTrace = (): void => {
    expect(inviter.store(id)!.access.peer(guest.signer.publicKey)).toBeUndefined()
    expect(guest.store(id)).toBeUndefined()
  }

  test('refuses an expired invite, by either clock', async () => {
    const link = await invite(1, world.timers.nowMs() + 10)
    await world.timers.run(20)
    expect(await accept(link)).toMatchObject({ error: { kind: 'invite-expired' } })
    expect(await accept({ ...link, expiresMs: link.expiresMs + 60_000 })).toMatchObject({
      error: { kind: 'invite-expired' },
    })
    expectNoTrace()
  })

  test('refuses a revoked invite and an unknown secret', async () => {
    const link = await invite()
    must(await revokeInvite(inviter.running!.manager, id, hashSecret(secret)))
    expect(await accept(link)).toMatchObject({ error: { kind: 'invite-revoked' } })
    expect(await accept({ ...link, secret: sha256(secret) })).toMatchObject({ error: { kind: 'invite-unknown' } })
    expectNoTrace()
  })

  test('stops listening to a guesser', async () => {
    const link = { ...(await invite()), secret: sha256(secret) }
    for (let i = 0; i < 10; i++) expect(await accept(link)).toMatchObject({ error: { kind: 'invite-unknown' } })
    expect(await accept(link)).toMatchObject({ error: { kind: 'too-many-attempts' } })
  })

  test('says so when the inviter is away', async () => {
    const link = await invite()
    inviter.crash()
    expect(await accept(link)).toMatchObject({ error: { kind: 'not-reachable' } })
    const stranger = createSigner(sha256(secret)).publicKey
    expect(await accept({ ...link, inviter: stranger })).toMatchObject({ error: { kind: 'not-reachable' } })
  })

  test('drops what is not a join request', async () => {
    const { transport } = guest.running!
    const connecting = transport.connect(inviter.signer.publicKey, inviter.running!.transport.addresses())
    await world.timers.run(200)
    must(await connecting)
    const stream = must(await transport.open(inviter.signer.publicKey, JOIN_PROTOCOL))
    await stream.write(Uint8Array.of(0, 0, 0, 2, 7, 7))
    const read = stream.read().catch((error: unknown) => error)
    await world.timers.run(1_000)
    expect(await read).toBeInstanceOf(Error)
  })

  describe('with approval', () => {
    const HOUR = 3_600_000
    const ask = async (options: { uses?: number; expiresMs?: number } = {}): Promise<InviteLink> =>
      invite(options.uses ?? 1, options.expiresMs ?? world.timers.nowMs() + HOUR, true)
    const someoneWaits = async (count = 1): Promise<void> => {
      expect(await world.timers.run(20_000, () => server.waiting().length === count)).toBe(true)
      // The guest hears of it.
      await world.timers.run(500)
    }

    test('nobody is in before a person has said so, and then at once', async () => {
      const requested: string[] = []
      const joined: string[] = []
      server.on('requested', ({ deviceName }) => requested.push(deviceName))
      server.on('joined', ({ name }) => joined.push(name))
      const link = await ask()
      const joining = startJoin(link)
      await someoneWaits()
      await world.timers.run(120_000)
      expect(joining.result).toBeUndefined()
      expectNoTrace()
      const [waits] = server.waiting()
      expect(waits).toMatchObject({ deviceName: guest.name, role: 'writer' })
      expect(waits!.words).toHaveLength(4)
      expect(joining.shown).toEqual([waits!.words.join(' ')])
      expect(waits!.address).not.toBe('')
      must(await server.answer(waits!.id, true))
      expect(await ended(joining)).toMatchObject({ ok: true, value: { role: 'writer' } })
      expect(inviter.store(id)!.access.peer(guest.signer.publicKey)?.role).toBe('writer')
      expect(server.waiting()).toEqual([])
      expect([requested, joined]).toEqual([[guest.name], [guest.name]])
    })

    test('a refusal is told, and leaves no trace', async () => {
      const joining = startJoin(await ask())
      await someoneWaits()
      const { count } = inviter.store(id)!.dag
      must(await server.answer(server.waiting()[0]!.id, false))
      expect(await ended(joining)).toMatchObject({ error: { kind: 'join-refused' } })
      expectNoTrace()
      expect(inviter.store(id)!.dag.count).toBe(count)
      expect(server.waiting()).toEqual([])
    })

    test('an answer is found although the connection broke meanwhile', async () => {
      const link = await ask()
      for (const accepts of [false, true]) {
        const joining = startJoin(link)
        await someoneWaits()
        const request = server.waiting()[0]!.id
        await guest.running!.transport.disconnect(inviter.signer.publicKey)
        await world.timers.run(500)
        must(await server.answer(request, accepts))
        const result = await ended(joining)
        expect(result.ok || result.error.kind).toBe(accepts || 'join-refused')
      }
    })

    test('a refusal that falls in the midst of the next round holds', async () => {
      const link = await ask()
      const stop = new AbortController()
      const before = startJoin(link, guest, guest.name, stop.signal)
      await someoneWaits()
      const { id } = server.waiting()[0]!
      // It knows nothing any more of its round, as after a restart.
      await guest.running!.transport.disconnect(inviter.signer.publicKey)
      stop.abort()
      await ended(before)
      beginsRound = () => void server.answer(id, false)
      const joining = startJoin(link)
      expect(await ended(joining)).toMatchObject({ error: { kind: 'join-refused' } })
      expect(joining.shown).toEqual([])
      expect(server.waiting()).toEqual([])
      expectNoTrace()
    })

    test('who asks again goes on in the same round: nothing changes on either screen', async () => {
      const requested: string[] = []
      server.on('requested', ({ deviceName }) => requested.push(deviceName))
      const joining = startJoin(await ask())
      await someoneWaits()
      const before = server.waiting()
      let rounds = 0
      beginsRound = () => rounds++
      for (let i = 0; i < 2 * ROUNDS_MAX; i++) {
        await guest.running!.transport.disconnect(inviter.signer.publicKey)
        await world.timers.run(20_000)
      }
      expect(server.waiting()).toEqual(before)
      expect(joining.shown).toEqual([before[0]!.words.join(' ')])
      expect([rounds, requested]).toEqual([0, [guest.name]])
      must(await server.answer(before[0]!.id, true))
      expect((await ended(joining)).ok).toBe(true)
      expect(joining.shown).toHaveLength(1)
    })

    test('one that waits on in its round is off the list at last, as any', async () => {
      const joining = startJoin(await ask())
      await someoneWaits()
      await guest.running!.transport.disconnect(inviter.signer.publicKey)
      expect(await ended(joining, WAIT_MS)).toMatchObject({ error: { kind: 'join-expired' } })
      await someoneWaits(0)
    })

    test('a round that the inviter has forgotten is followed by another, with other words on both screens', async () => {
      const joining = startJoin(await ask())
      await someoneWaits()
      const [before] = server.waiting()
      serveAnew()
      await guest.running!.transport.disconnect(inviter.signer.publicKey)
      await world.timers.run(120_000)
      const [now, ...more] = server.waiting()
      expect(more).toEqual([])
      expect(now).toMatchObject({ device: before!.device })
      expect(now!.id).not.toBe(before!.id)
      expect(joining.shown).toEqual([before!.words.join(' '), now!.words.join(' ')])
      expect(joining.shown[0]).not.toBe(joining.shown[1])
      expect(await server.answer(before!.id, true)).toMatchObject({ error: { kind: 'join-not-found' } })
      expectNoTrace()
      expect(server.waiting()).toEqual([now])
      must(await server.answer(now!.id, true))
      expect((await ended(joining)).ok).toBe(true)
    })

    test('who commits to a nonce and does not show it is not waited for', async () => {
      const { transport } = guest.running!
      const connecting = transport.connect(inviter.signer.publicKey, inviter.running!.transport.addresses())
      const { storeId, secret } = await ask()
      await world.timers.run(200)
      must(await connecting)
      const stream = must(await transport.open(inviter.signer.publicKey, JOIN_PROTOCOL))
      const commitment = sha256(secret)
      const request = { version: JOIN_VERSION, storeId, secret, deviceName: 'slow', commitment }
      await new FrameWriter(stream).write(toBinary(JoinRequestSchema, create(JoinRequestSchema, request)))
      const reader = new FrameReader(stream)
      const first = reader.next()
      await world.timers.run(1_000)
      expect(must(await first)).toBeDefined()
      const next = reader.next().catch((error: unknown) => error)
      await world.timers.run(10_000)
      expect(await next).toBeInstanceOf(StreamClosedError)
      expect(server.waiting()).toEqual([])
    })

    /** Sees its words and gives up, as one does that waits for others. */
    const drawOnce = async (link: InviteLink, node: SimNode): Promise<string | true> => {
      const stop = new AbortController()
      const joining = startJoin(link, node, node.name, stop.signal)
      await world.timers.run(20_000, () => joining.shown.length > 0 || joining.result !== undefined)
      stop.abort()
      const result = await ended(joining)
      if (result.ok || result.error.kind !== 'join-cancelled') return result.ok || result.error.kind
      await someoneWaits(0)
      return true
    }
    const draw = async (link: InviteLink, node: SimNode, count: number): Promise<(string | true)[]> => {
      const drawn: (string | true)[] = []
      for (let i = 0; i < count; i++) drawn.push(await drawOnce(link, node))
      return drawn
    }

    test('a device cannot draw words again and again', async () => {
      const link = await ask()
      expect(await draw(link, guest, 9)).toEqual([...Array.from({ length: 8 }, () => true), 'too-many-attempts'])
      await world.timers.run(40_000)
      expect(await drawOnce(link, guest)).toBe(true)
    })

    test('nor can one with many keys; the rounds that a person answered are not counted', async () => {
      const link = await ask({ uses: 9 })
      const [, , ...others] = world.nodes as [SimNode, SimNode, ...SimNode[]]
      const last = others.pop()!
      const counts = [8, 8, 8, ROUNDS_OF_INVITE.max - 25]
      for (const [i, count] of counts.entries())
        expect(await draw(link, others[i]!, count)).toEqual(Array.from({ length: count }, () => true))
      const joining = startJoin(link)
      await someoneWaits()
      expect(await drawOnce(link, last)).toBe('too-many-attempts')
      must(await server.answer(server.waiting()[0]!.id, true))
      expect((await ended(joining)).ok).toBe(true)
      expect(await drawOnce(link, last)).toBe(true)
    })

    test('a joiner whose rounds are forgotten too often asks its person, not for other words', async () => {
      const joining = startJoin(await ask())
      for (let round = 1; round <= ROUNDS_MAX; round++) {
        await world.timers.run(60_000, () => joining.shown.length === round)
        expect(joining.shown).toHaveLength(round)
        expect(joining.shown.at(-1)).toBe(server.waiting()[0]!.words.join(' '))
        serveAnew()
        await guest.running!.transport.disconnect(inviter.signer.publicKey)
      }
      expect(await ended(joining)).toMatchObject({ error: { kind: 'not-reachable' } })
      expect(new Set(joining.shown).size).toBe(ROUNDS_MAX)
    })

    test('who gives up is off the list, and so is who is gone for long', async () => {
      const stop = new AbortController()
      const link = await ask()
      const joining = startJoin(link, guest, guest.name, stop.signal)
      await someoneWaits()
      stop.abort()
      expect(await ended(joining)).toMatchObject({ error: { kind: 'join-cancelled' } })
      await someoneWaits(0)
      startJoin(link)
      await someoneWaits()
      guest.crash()
      await world.timers.run(70_000)
      expect(server.waiting()).toEqual([])
    })

    test('nobody waits longer than ten minutes, nor than the invite is good for', async () => {
      const joining = startJoin(await ask())
      await someoneWaits()
      const request = server.waiting()[0]!.id
      expect(await ended(joining, WAIT_MS)).toMatchObject({ error: { kind: 'join-expired' } })
      await someoneWaits(0)
      expect(await server.answer(request, true)).toMatchObject({ error: { kind: 'join-not-found' } })
      expectNoTrace()
    })

    test('an invite that ends while a device waits ends the wait', async () => {
      const joining = startJoin(await ask({ expiresMs: world.timers.nowMs() + 30_000 }))
      await someoneWaits()
      expect(await ended(joining)).toMatchObject({ error: { kind: 'invite-expired' } })
    })

    test('an invite that is taken back or used up by another ends the wait', async () => {
      const [, , third] = world.nodes as [SimNode, SimNode, SimNode]
      const link = await ask()
      const both = [startJoin(link), startJoin(link, third)]
      await someoneWaits(2)
      const [first] = server.waiting()
      must(await server.answer(first!.id, true))
      server.recheck()
      const results = await Promise.all(both.map((joining) => ended(joining)))
      expect(results.map((result) => result.ok || result.error.kind).sort()).toEqual(['invite-used-up', true])
    })

    test('a name is shown without what could deceive', async () => {
      startJoin(await ask(), guest, '\u202eannA\n\u001b[2J  x')
      await someoneWaits()
      expect(server.waiting()[0]!.deviceName).toBe('annA [2J x')
    })

    test('at most so many wait, and each device once', async () => {
      const others = Array.from({ length: WAITING_MAX }, (_, i) => i)
      const crowd = new World({ seed: 4, nodes: WAITING_MAX + 3 })
      try {
        for (const node of crowd.nodes) await node.start()
        const [host, ...guests] = crowd.nodes as [SimNode, ...SimNode[]]
        const { manager, transport } = host.running!
        const store = must(await manager.create('core:kv', { name: 'full' }))
        using crowded = new JoinServer({
          transport,
          stores: manager,
          timers: crowd.timers,
          randomBytes,
          admit: (to, peer) => addPeer(manager, to.id, peer),
        })
        const expiresMs = crowd.timers.nowMs() + HOUR
        const invited = { role: 'writer' as const, expiresMs, uses: 99, approval: true }
        must(await createInvite(manager, store.id, { secretHash: hashSecret(secret), ...invited }))
        const second = sha256(secret)
        must(await createInvite(manager, store.id, { secretHash: hashSecret(second), ...invited }))
        const link = { storeId: store.id, inviter: transport.self, expiresMs, role: 'writer' as const, uses: 99 }
        const follow = (node: SimNode, shown: Uint8Array) => {
          const { manager: stores, transport: from, engine } = node.running!
          return join(
            { ...link, secret: shown, addresses: transport.addresses() },
            {
              transport: from,
              stores,
              timers: crowd.timers,
              remember: (peer, addresses) => engine.remember(peer, addresses),
              deviceName: node.name,
              randomBytes,
              asked: () => undefined,
            },
          )
        }
        for (const i of others) void follow(guests[i]!, secret)
        expect(await crowd.timers.run(20_000, () => crowded.waiting().length === WAITING_MAX)).toBe(true)
        const refusals: unknown[] = []
        for (const [node, shown] of [
          [guests[WAITING_MAX]!, secret],
          [guests[0]!, second],
        ] as const)
          void follow(node, shown).then((result) => refusals.push(!result.ok && result.error.kind))
        await crowd.timers.run(20_000, () => refusals.length === 2)
        expect(refusals).toEqual(['too-many-waiting', 'too-many-waiting'])
        expect(crowded.waiting().length).toBe(WAITING_MAX)
      } finally {
        await crowd.dispose()
      }
    })
  })
})
