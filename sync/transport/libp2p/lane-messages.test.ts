/** The bytes of the lane protocol: golden vectors, refusals, and a short run of the fuzz properties. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytesToHex, hexToBytes } from '#kernel/core/bytes.ts'
import { must } from '../conformance.ts'
import { decodeReply, decodeRequest, encodeReply, encodeRequest, parseToken, type LaneReply } from './lane-messages.ts'
import { decodersAreStrict, FRAME_MAX, framesSurviveCuts, header, readerIsBounded } from './lane-messages.property.ts'
import { FrameReader } from './lane-stream.ts'

interface Vectors {
  readonly requests: readonly { readonly protocol: string; readonly hex: string }[]
  readonly replies: readonly {
    readonly kind: string
    readonly port?: number
    readonly token?: string
    readonly hex: string
  }[]
  readonly invalidRequests: readonly { readonly why: string; readonly hex: string }[]
  readonly invalidReplies: readonly { readonly why: string; readonly hex: string }[]
}
const vectors = JSON.parse(
  readFileSync(new URL('../../../proto/vectors/bulk-lane/messages.json', import.meta.url), 'utf8'),
) as Vectors
const bytesOf = (hex: string): Uint8Array => must(hexToBytes(hex))

test.each(vectors.requests)('request for $protocol', ({ protocol, hex }) => {
  expect(bytesToHex(encodeRequest(protocol)!)).toBe(hex)
  expect(decodeRequest(bytesOf(hex))).toEqual({ ok: true, value: protocol })
})

test.each(vectors.replies)('reply $hex', ({ kind, port, token, hex }) => {
  const reply = (kind === 'granted' ? { kind, port, token: must(parseToken(bytesOf(token!))) } : { kind }) as LaneReply
  expect(bytesToHex(encodeReply(reply))).toBe(hex)
  expect(decodeReply(bytesOf(hex))).toEqual({ ok: true, value: reply })
})

test.each(vectors.invalidRequests)('no request: $why', ({ hex }) => {
  expect(decodeRequest(bytesOf(hex))).toMatchObject({ ok: false, error: { kind: 'bad-lane-message' } })
})

test.each(vectors.invalidReplies)('no reply: $why', ({ hex }) => {
  expect(decodeReply(bytesOf(hex))).toMatchObject({ ok: false, error: { kind: 'bad-lane-message' } })
})

test('a name that cannot be encoded has no request', () => {
  expect(encodeRequest('')).toBeUndefined()
  expect(encodeRequest('é'.repeat(128))).toBeUndefined()
})

test('a frame above the maximum, or bytes after the end, are no frames', () => {
  const nothing = (): void => undefined
  expect(new FrameReader().push(header(FRAME_MAX), nothing)).toBe(true)
  expect(new FrameReader().push(header(FRAME_MAX + 1), nothing)).toBe(false)
  const ended = new FrameReader()
  expect(ended.push(header(0), nothing)).toBe(true)
  expect(ended.push(Uint8Array.of(0), nothing)).toBe(false)
})

const numRuns = 300
test('a message is refused or canonical', () => fc.assert(decodersAreStrict, { numRuns }))
test('frames survive any cut', () => fc.assert(framesSurviveCuts, { numRuns }))
test('the frame reader is bounded on any bytes', () => fc.assert(readerIsBounded, { numRuns }))
