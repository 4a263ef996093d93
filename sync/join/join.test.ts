import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bytesToHex, hexToBytes, parseHash, parsePublicKey, type StoreId } from '#kernel/core/bytes.ts'
import { sha256 } from '#kernel/core/hash.ts'
import { createSigner } from '#kernel/core/identity.ts'
import { addPeer, createInvite, revokeInvite } from '#kernel/store/admin.ts'
import { must } from '#kernel/store/testkit.ts'
import type { SimNode } from '../sim/device.ts'
import { World } from '../sim/world.ts'
import { join, JOIN_PROTOCOL, serveJoin } from './join.ts'
import { decodeLink, encodeLink, hashSecret, type InviteLink } from './link.ts'
import { anyJoiningIsHandled, anyTextIsHandled, linkArbitrary } from './properties.ts'

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
    for (const { text, kind } of vectors.invalid) expect(decodeLink(text)).toMatchObject({ error: { kind } })
  })
})

describe('joining', () => {
  let world: World
  let id: StoreId
  let inviter: SimNode
  let guest: SimNode
  const secret = sha256(new TextEncoder().encode('a secret'))

  beforeEach(async () => {
    world = new World({ seed: 3, nodes: 3 })
    for (const node of world.nodes) await node.start()
    ;[inviter, guest] = world.nodes as [SimNode, SimNode]
    const created = await inviter.running!.manager.create('core:kv', { name: 'ours' })
    id = must(created).id
    const { manager, transport } = inviter.running!
    serveJoin({
      transport,
      stores: manager,
      timers: world.timers,
      admit: (store, peer) => addPeer(manager, store.id, peer),
    })
  })
  afterEach(() => world.dispose())

  const invite = async (uses = 1, expiresMs = world.timers.nowMs() + 60_000): Promise<InviteLink> => {
    const { manager, transport } = inviter.running!
    must(await createInvite(manager, id, { secretHash: hashSecret(secret), role: 'writer', expiresMs, uses }))
    const key = inviter.signer.publicKey
    return { storeId: id, inviter: key, secret, expiresMs, role: 'writer', uses, addresses: transport.addresses() }
  }

  const accept = async (link: InviteLink, node = guest) => {
    const { manager, transport, engine } = node.running!
    let done: Awaited<ReturnType<typeof join>> | undefined
    void join(link, {
      transport,
      stores: manager,
      timers: world.timers,
      remember: (peer, addresses) => engine.remember(peer, addresses),
      deviceName: node.name,
    }).then((result) => (done = result))
    await world.timers.run(60_000, () => done !== undefined)
    if (!done) throw new Error('joining does not end')
    return done
  }

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
})
