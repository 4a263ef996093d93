import { expect, test } from 'vitest'
import { deviceKey, Net } from '../blobs/testing.ts'
import { ok } from '#kernel/core/result.ts'
import { GatedTransport } from './gated.ts'
import { StreamClosedError, type ByteStream } from './port.ts'

const [alice, bob] = [deviceKey(1), deviceKey(2)]

/** `extra`: what the streams that are opened can besides. */
const createPair = (extra: Partial<ByteStream> = {}) => {
  const net = new Net()
  const inner = net.node(alice)
  const dropped: unknown[] = []
  const open: typeof inner.open = async (...args) => {
    const opened = await inner.open(...args)
    return opened.ok ? ok({ ...opened.value, ...extra }) : opened
  }
  const gate = new GatedTransport({ ...inner, open, disconnect: async (peer) => void dropped.push(peer) })
  const other = net.node(bob)
  const taken: ByteStream[] = []
  other.handle('/test/1', { maxPerPeer: 1 }, async (stream) => void taken.push(stream))
  net.connect(alice, bob)
  return { gate, other, taken, dropped }
}

test('open, it lets streams through both ways', async () => {
  const { gate, other, taken } = createPair()
  const opened = await gate.open(bob, '/test/1')
  if (opened.ok) await opened.value.write(new Uint8Array([7]))
  expect(await taken[0]!.read()).toEqual(new Uint8Array([7]))
  const served = new Promise<Uint8Array | undefined>((resolve) =>
    gate.handle('/test/1', { maxPerPeer: 1 }, async (stream) => resolve(await stream.read())),
  )
  const back = await other.open(alice, '/test/1')
  if (back.ok) await back.value.write(new Uint8Array([8]))
  expect(await served).toEqual(new Uint8Array([8]))
})

test('shut, it breaks off what is under way, opens nothing and takes nothing', async () => {
  const { gate, other, taken } = createPair()
  let handled = 0
  const ended: unknown[] = []
  gate.handle('/test/1', { maxPerPeer: 1 }, async (stream) => {
    handled++
    await stream.read().catch((cause: unknown) => ended.push(cause))
  })
  const [out, back] = [await gate.open(bob, '/test/1'), await other.open(alice, '/test/1')]
  const reading = taken[0]!.read()
  gate.shut()
  await expect(reading).rejects.toBeInstanceOf(StreamClosedError)
  if (out.ok) await expect(out.value.write(new Uint8Array(1))).rejects.toBeInstanceOf(StreamClosedError)
  if (back.ok) await expect(back.value.read()).rejects.toBeInstanceOf(StreamClosedError)
  expect(ended).toHaveLength(1)
  const refused = await gate.open(bob, '/test/1')
  expect(!refused.ok && refused.error.kind).toBe('closed')
  const late = await other.open(alice, '/test/1')
  if (late.ok) await expect(late.value.read()).rejects.toBeInstanceOf(StreamClosedError)
  expect(handled).toBe(1)
})

test('opened again, it drops the connections so that both ends start over; open already, it leaves them', async () => {
  const { gate, dropped } = createPair()
  await gate.reopen()
  expect(dropped).toEqual([])
  gate.shut()
  await gate.reopen()
  expect(dropped).toEqual([bob])
  expect((await gate.open(bob, '/test/1')).ok).toBe(true)
})

test('a stream that can be read into can be so through the gate', async () => {
  const { gate, other } = createPair({ readInto: async (target) => target.fill(7).length })
  other.handle('/test/2', { maxPerPeer: 1 }, async () => undefined)
  const opened = await gate.open(bob, '/test/2')
  const target = new Uint8Array(3)
  expect(opened.ok && (await opened.value.readInto?.(target))).toBe(3)
  expect(target).toEqual(Uint8Array.of(7, 7, 7))
})
