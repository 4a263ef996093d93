/** What must hold of the lane's decoders, whatever the bytes: shared by the short and the long runs. */
import fc from 'fast-check'
import { expect } from 'vitest'
import { equalBytes } from '#kernel/core/bytes.ts'
import { decodeReply, decodeRequest, encodeReply, encodeRequest } from './lane-messages.ts'
import { FRAME_MAX, FrameReader } from './lane-stream.ts'

/** Bytes near valid ones, so that more than the first check is reached. */
const messages = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.uint8Array({ minLength: 18, maxLength: 18 }).map((rest) => Uint8Array.of(0, ...rest)),
  fc.string().map((name) => encodeRequest(name) ?? new Uint8Array()),
  fc.constantFrom(...[0, 1, 2, 3, 4].map((status) => Uint8Array.of(status))),
)

/** A message is refused, or it is the one encoding of what it decodes to. */
export const decodersAreStrict = fc.property(messages, (bytes) => {
  const request = decodeRequest(bytes)
  if (request.ok) expect(encodeRequest(request.value)).toEqual(bytes)
  const reply = decodeReply(bytes)
  if (reply.ok) expect(encodeReply(reply.value)).toEqual(bytes)
})

const frames = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 8 })

/** Frames come out whole however the bytes were cut. */
export const framesSurviveCuts = fc.property(frames, fc.array(fc.nat({ max: 12 })), (payloads, cuts) => {
  const wire = Buffer.concat([...payloads.flatMap((payload) => [header(payload.length), payload]), header(0)])
  const reader = new FrameReader()
  const found: Uint8Array[] = []
  for (let at = 0, i = 0; at < wire.length; i++) {
    const size = 1 + (cuts[i % Math.max(1, cuts.length)] ?? 0)
    expect(reader.push(wire.subarray(at, at + size), (piece) => found.push(piece))).toBe(true)
    at += size
  }
  expect(reader.ended).toBe(true)
  expect(equalBytes(Buffer.concat(found), Buffer.concat(payloads))).toBe(true)
})

/** Any bytes: no exception, never more payload than bytes, and nothing accepted after a refusal's cause. */
export const readerIsBounded = fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 16 }), (parts) => {
  const reader = new FrameReader()
  let given = 0
  let taken = 0
  for (const part of parts) {
    given += part.length
    if (!reader.push(part, (piece) => (taken += piece.length))) break
  }
  expect(taken).toBeLessThanOrEqual(given)
})

export const header = (length: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(length)
  return bytes
}

export { FRAME_MAX }
