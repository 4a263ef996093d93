/**
 * The round for the words against whoever stands between or plays false, over the memory transport and libp2p: the
 * middle is the test itself, which speaks frame by frame.
 */
import { randomBytes } from 'node:crypto'
import { create, fromBinary, toBinary, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { JoinAnswerSchema, JoinRequestSchema, JoinRevealSchema, type JoinAnswer } from '#proto/wire'
import type { StoreId } from '#kernel/core/bytes.ts'
import { sha256 } from '#kernel/core/hash.ts'
import { addPeer, createInvite } from '#kernel/store/admin.ts'
import { must, openDevice, TestClock, type Device } from '#kernel/store/testkit.ts'
import type { Timers } from '../clock.ts'
import { FrameReader, FrameWriter } from '../framing.ts'
import { deviceKeyFromSeed } from '../transport/libp2p/identity.ts'
import { createNode } from '../transport/libp2p/testing.ts'
import { MemoryNetwork } from '../transport/memory/network.ts'
import { StreamClosedError, type ByteStream, type Transport } from '../transport/port.ts'
import { askToJoin } from './join.ts'
import { hashSecret, type InviteLink } from './link.ts'
import { JOIN_PROTOCOL, JOIN_VERSION } from './protocol.ts'
import { JoinServer } from './serve.ts'
import type { WaitingJoin } from './waiting.ts'
import { commitTo, joinWords, NONCE_LENGTH } from './words.ts'

const HOUR_MS = 3_600_000
const timers: Timers = {
  nowMs: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
  random: () => 0.5,
}
const names = ['inviter', 'joiner', 'middle'] as const
const seedOf = (name: string): Uint8Array => sha256(new TextEncoder().encode(name))

/** A transport for each name, whose key is the one that the testkit gives a device of that name. */
const carriers: Readonly<Record<string, (devices: readonly Device[]) => Promise<Transport[]>>> = {
  memory: async (devices) => {
    const network = new MemoryNetwork({ timers })
    return devices.map(({ signer }) => network.join(signer.publicKey))
  },
  libp2p: (devices) =>
    Promise.all(devices.map(async ({ name }) => createNode({ deviceKey: deviceKeyFromSeed(seedOf(name)) }))),
}

/** One end of a stream, spoken by hand. */
class Line {
  readonly #stream: ByteStream
  readonly #reader: FrameReader
  readonly #writer: FrameWriter

  constructor(stream: ByteStream) {
    this.#stream = stream
    this.#reader = new FrameReader(stream)
    this.#writer = new FrameWriter(stream)
  }

  say<D extends DescMessage>(schema: D, message: MessageInitShape<D>): Promise<void> {
    return this.#writer.write(toBinary(schema, create(schema, message)))
  }

  /** The next frame; undefined: the stream ended or broke. */
  async hear(): Promise<Uint8Array | undefined> {
    try {
      return must(await this.#reader.next())
    } catch (error) {
      if (error instanceof StreamClosedError) return undefined
      throw error
    }
  }

  async answer(): Promise<JoinAnswer['answer']> {
    const frame = await this.hear()
    return frame ? fromBinary(JoinAnswerSchema, frame).answer : { case: undefined }
  }

  abort(): void {
    this.#stream.abort('the test is over')
  }
}

describe.each(Object.keys(carriers))('a round over %s', (carrier) => {
  const secret = seedOf('a secret')
  let devices: Device[]
  let transports: Transport[]
  let [inviter, joiner, middle] = [] as unknown as [Transport, Transport, Transport]
  let server: JoinServer
  let id: StoreId
  /** What the inviter has made, in this order. */
  let made: Uint8Array[]
  let lines: Line[]

  beforeEach(async () => {
    const clock = new TestClock()
    devices = await Promise.all(names.map((name) => openDevice(name, clock)))
    transports = await carriers[carrier]!(devices)
    ;[inviter, joiner, middle] = transports as [Transport, Transport, Transport]
    const { manager } = devices[0]!
    id = must(await manager.create('core:kv', { name: 'ours' })).id
    made = []
    lines = []
    server = new JoinServer({
      transport: inviter,
      stores: manager,
      timers,
      randomBytes: (length) => {
        made.push(new Uint8Array(randomBytes(length)))
        return made.at(-1)!
      },
      admit: (store, peer) => addPeer(manager, store.id, peer),
    })
    const expiresMs = Date.now() + HOUR_MS
    const secretHash = hashSecret(secret)
    must(await createInvite(manager, id, { secretHash, role: 'writer', expiresMs, uses: 9, approval: true }))
  })
  afterEach(async () => {
    for (const line of lines) line.abort()
    server[Symbol.dispose]()
    for (const transport of transports) await transport[Symbol.asyncDispose]()
    for (const { manager, backend } of devices) {
      await manager[Symbol.asyncDispose]()
      await backend[Symbol.asyncDispose]()
    }
  })

  const linkTo = (inviting: Transport, shown = secret): InviteLink => {
    const terms = { expiresMs: Date.now() + HOUR_MS, role: 'writer', uses: 9 } as const
    return { storeId: id, inviter: inviting.self, secret: shown, addresses: inviting.addresses(), ...terms }
  }

  /** The honest joiner follows a link; `shown`: the words of its screen once there are some. */
  const follow = (link: InviteLink, differs?: AbortSignal) => {
    const { promise: shown, resolve } = Promise.withResolvers<readonly string[]>()
    const stop = new AbortController()
    const joining = askToJoin(link, {
      transport: joiner,
      timers,
      deviceName: 'joiner',
      randomBytes: (length) => new Uint8Array(randomBytes(length)),
      asked: resolve,
      signal: stop.signal,
      ...(differs && { differs }),
    })
    return { shown, joining, stop: () => stop.abort() }
  }

  const someoneWaits = (): Promise<WaitingJoin> =>
    new Promise((resolve) => {
      const look = (): void => {
        const [join] = server.waiting()
        if (!join) return
        undo()
        resolve(join)
      }
      const undo = server.on('changed', look)
      look()
    })

  const lineOf = (stream: ByteStream): Line => {
    const line = new Line(stream)
    lines.push(line)
    return line
  }
  /** The middle speaks to the inviter as a joiner would. */
  const toInviter = async (): Promise<Line> => {
    must(await middle.connect(inviter.self, inviter.addresses()))
    return lineOf(must(await middle.open(inviter.self, JOIN_PROTOCOL)))
  }
  /** The middle is spoken to as an inviter would be. */
  const fromJoiner = (): Promise<Line> =>
    new Promise((resolve) => {
      const { promise: over, resolve: end } = Promise.withResolvers<void>()
      const undo = middle.handle(JOIN_PROTOCOL, { maxPerPeer: 1 }, (stream) => {
        const line = lineOf(stream)
        const { abort } = line
        line.abort = () => {
          abort.call(line)
          undo()
          end()
        }
        resolve(line)
        return over
      })
    })

  const request = (commitment: Uint8Array) => ({
    version: JOIN_VERSION,
    storeId: id,
    secret,
    deviceName: 'joiner',
    commitment,
  })
  const pairOfMiddle = () => ({ inviter: inviter.self, joiner: middle.self })
  const nonceFrom = async (line: Line): Promise<Uint8Array> => {
    const answer = await line.answer()
    if (answer.case !== 'nonce') throw new Error(`a nonce was due, not ${answer.case}`)
    return answer.value.nonce
  }
  const isIn = (device: Transport): boolean => devices[0]!.manager.get(id)!.access.mayRead(device.self)

  test('shows both sides the same words when nobody is between', async () => {
    const { shown, joining } = follow(linkTo(inviter))
    const waits = await someoneWaits()
    expect(await shown).toEqual(waits.words)
    expect(isIn(joiner)).toBe(false)
    must(await server.answer(waits.id, true))
    expect((await joining).ok).toBe(true)
    expect(isIn(joiner)).toBe(true)
  })

  test('goes on for the device that is in it, and for no other', async () => {
    const { shown, joining, stop } = follow(linkTo(inviter))
    const waits = await someoneWaits()
    await shown
    const far = await toInviter()
    const commitment = commitTo(pairOfMiddle(), seedOf('what the middle commits to'))
    await far.say(JoinRequestSchema, { ...request(commitment), round: made[0]! })
    expect((await far.answer()).case).toBe('nonce')
    expect(server.waiting()).toEqual([waits])
    stop()
    expect(await joining).toMatchObject({ error: { kind: 'join-cancelled' } })
  })

  test('tells the inviter that the words differ, which lets nobody in any more', async () => {
    const differs = new AbortController()
    const { shown, joining } = follow(linkTo(inviter), differs.signal)
    const waits = await someoneWaits()
    await shown
    differs.abort()
    expect(await joining).toMatchObject({ error: { kind: 'words-differ' } })
    const told = await new Promise<WaitingJoin>((resolve) => {
      const look = (): void => server.waiting().forEach((join) => join.differs && resolve(join))
      server.on('changed', look)
      look()
    })
    expect(told).toMatchObject({ id: waits.id, differs: true })
    expect(await server.answer(waits.id, true)).toMatchObject({ error: { kind: 'words-differ' } })
    expect([isIn(joiner), server.waiting()]).toEqual([false, []])
    // It may ask again, in a round of its own.
    const again = follow(linkTo(inviter))
    const next = await someoneWaits()
    expect(await again.shown).toEqual(next.words)
    expect(next.differs).toBe(false)
    must(await server.answer(next.id, true))
    expect((await again.joining).ok).toBe(true)
  })

  test('shows each side other words when one relays between them', async () => {
    const own = seedOf('what the middle commits to')
    const theirs = fromJoiner()
    const { shown, joining } = follow(linkTo(middle))
    const near = await theirs
    const asked = fromBinary(JoinRequestSchema, (await near.hear())!)
    const far = await toInviter()
    await far.say(JoinRequestSchema, request(commitTo(pairOfMiddle(), own)))
    const inviterNonce = await nonceFrom(far)
    await near.say(JoinAnswerSchema, { answer: { case: 'nonce', value: { nonce: inviterNonce } } })
    const { nonce: joinerNonce } = fromBinary(JoinRevealSchema, (await near.hear())!)
    expect(commitTo({ inviter: middle.self, joiner: joiner.self }, joinerNonce)).toEqual(asked.commitment)
    await far.say(JoinRevealSchema, { nonce: own })
    expect((await far.answer()).case).toBe('waiting')
    await near.say(JoinAnswerSchema, { answer: { case: 'waiting', value: {} } })
    const waits = await someoneWaits()
    const nonces = { inviterNonce, secret }
    expect(waits.words).toEqual(joinWords({ ...pairOfMiddle(), ...nonces, joinerNonce: own }))
    const here = await shown
    expect(here).toEqual(joinWords({ inviter: middle.self, joiner: joiner.self, ...nonces, joinerNonce }))
    expect(here).not.toEqual(waits.words)
    must(await server.answer(waits.id, false))
    const told = await far.answer()
    expect(told).toMatchObject({ case: 'refused', value: { kind: 'join-refused' } })
    await near.say(JoinAnswerSchema, { answer: told })
    expect(await joining).toMatchObject({ error: { kind: 'join-refused' } })
    expect([isIn(middle), isIn(joiner)]).toEqual([false, false])
  })

  test("does not take the joiner's commitment from anybody else", async () => {
    const theirs = fromJoiner()
    const { joining } = follow(linkTo(middle))
    const near = await theirs
    const asked = fromBinary(JoinRequestSchema, (await near.hear())!)
    const far = await toInviter()
    await far.say(JoinRequestSchema, asked)
    await near.say(JoinAnswerSchema, { answer: { case: 'nonce', value: { nonce: await nonceFrom(far) } } })
    await far.say(JoinRevealSchema, fromBinary(JoinRevealSchema, (await near.hear())!))
    const told = await far.answer()
    expect(told).toMatchObject({ case: 'refused', value: { kind: 'join-mismatched' } })
    expect(server.waiting()).toEqual([])
    await near.say(JoinAnswerSchema, { answer: told })
    expect(await joining).toMatchObject({ error: { kind: 'join-mismatched' } })
    expect(isIn(middle)).toBe(false)
  })

  test('tells the nonce of the inviter only to who has committed, once and never again', async () => {
    const own = seedOf('mine')
    const early = await toInviter()
    await early.say(JoinRevealSchema, { nonce: own })
    expect((await early.answer()).case).toBeUndefined()
    const short = await toInviter()
    await short.say(JoinRequestSchema, request(own.subarray(1)))
    expect((await short.answer()).case).toBeUndefined()
    expect(made).toEqual([])

    const twice = await toInviter()
    await twice.say(JoinRequestSchema, request(commitTo(pairOfMiddle(), own)))
    expect(await nonceFrom(twice)).toEqual(made[0])
    await twice.say(JoinRequestSchema, request(commitTo(pairOfMiddle(), seedOf('another'))))
    expect((await twice.answer()).case).toBeUndefined()

    const again = await toInviter()
    await again.say(JoinRequestSchema, request(commitTo(pairOfMiddle(), own)))
    expect(await nonceFrom(again)).toEqual(made[1])
    expect(made).toHaveLength(2)
    expect(made[1]).not.toEqual(made[0])
    expect(server.waiting()).toEqual([])
  })

  test('ends where a nonce is shown that was not committed to, or none', async () => {
    const own = seedOf('mine')
    const other = await toInviter()
    await other.say(JoinRequestSchema, request(commitTo(pairOfMiddle(), own)))
    await nonceFrom(other)
    await other.say(JoinRevealSchema, { nonce: seedOf('chosen afterwards') })
    expect(await other.answer()).toMatchObject({ case: 'refused', value: { kind: 'join-mismatched' } })
    for (const length of [0, NONCE_LENGTH - 1, NONCE_LENGTH + 1]) {
      const line = await toInviter()
      await line.say(JoinRequestSchema, request(commitTo(pairOfMiddle(), own)))
      await nonceFrom(line)
      await line.say(JoinRevealSchema, { nonce: new Uint8Array(length) })
      expect((await line.answer()).case).toBeUndefined()
    }
    expect(server.waiting()).toEqual([])
  })

  test('puts the newer round in the place of the older, whose words let nobody in', async () => {
    const rounds: WaitingJoin[] = []
    const open: Line[] = []
    for (const text of ['first', 'second']) {
      const own = seedOf(text)
      const line = await toInviter()
      await line.say(JoinRequestSchema, request(commitTo(pairOfMiddle(), own)))
      await nonceFrom(line)
      await line.say(JoinRevealSchema, { nonce: own })
      expect((await line.answer()).case).toBe('waiting')
      open.push(line)
      expect(server.waiting()).toHaveLength(1)
      rounds.push(server.waiting()[0]!)
    }
    expect(rounds[0]!.words).not.toEqual(rounds[1]!.words)
    expect((await open[0]!.answer()).case).toBeUndefined()
    expect(await server.answer(rounds[0]!.id, true)).toMatchObject({ error: { kind: 'join-not-found' } })
    expect(isIn(middle)).toBe(false)
    must(await server.answer(rounds[1]!.id, true))
    expect((await open[1]!.answer()).case).toBe('accepted')
  })

  const nonce = (length: number) => ({ case: 'nonce' as const, value: { nonce: new Uint8Array(length) } })
  const early = { case: 'waiting' as const, value: {} }
  test.each([
    ['somebody is asked without a round', [early], 0],
    ['a nonce is too short', [nonce(NONCE_LENGTH - 1)], 0],
    ['there are two nonces', [nonce(NONCE_LENGTH), nonce(NONCE_LENGTH)], 1],
  ])('is given up by the joiner where %s', async (_, answers, reveals) => {
    const theirs = fromJoiner()
    const { joining } = follow(linkTo(middle))
    const near = await theirs
    await near.hear()
    for (const answer of answers) await near.say(JoinAnswerSchema, { answer })
    expect(await joining).toMatchObject({ error: { kind: 'join-garbled' } })
    let heard = 0
    while (await near.hear()) heard++
    expect(heard).toBe(reveals)
  })
})
