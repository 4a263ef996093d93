import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { create, fromJson, toBinary, type JsonValue } from '@bufbuild/protobuf'
import { PushMessageSchema, SessionMessageSchema } from '#proto/wire'
import { bytesToHex, hexToBytes, parseHash, parsePublicKey } from '#kernel/core/bytes.ts'
import { must } from '#kernel/store/testkit.ts'
import { announceTag } from './gossip/announce.ts'
import { decodePush, decodeSession, HASHES_MAX } from './messages.ts'
import { anyMessageIsHandled } from './properties.ts'

interface Vectors {
  readonly announceTag: {
    readonly sender: string
    readonly receiver: string
    readonly store: string
    readonly tag: string
  }
  readonly session: readonly { readonly json: JsonValue; readonly hex: string }[]
  readonly push: readonly { readonly json: JsonValue; readonly hex: string }[]
  readonly invalidSession: readonly { readonly name: string; readonly hex: string }[]
  readonly invalidPush: readonly { readonly name: string; readonly hex: string }[]
}
const url = new URL('../proto/vectors/wire/v1.json', import.meta.url)
const vectors = JSON.parse(readFileSync(url, 'utf8')) as Vectors
const unhex = (hex: string): Uint8Array => must(hexToBytes(hex))

test.each(vectors.session)('session message $hex', ({ json, hex }) => {
  const message = fromJson(SessionMessageSchema, json)
  expect(bytesToHex(toBinary(SessionMessageSchema, message))).toBe(hex)
  expect(decodeSession(unhex(hex))).toMatchObject({ ok: true, value: { case: message.message.case } })
})

test.each(vectors.push)('push message $hex', ({ json, hex }) => {
  const message = fromJson(PushMessageSchema, json)
  expect(bytesToHex(toBinary(PushMessageSchema, message))).toBe(hex)
  expect(decodePush(unhex(hex))).toMatchObject({ ok: true, value: { case: message.message.case } })
})

test.each(vectors.invalidSession)('refused: $name', ({ hex }) => {
  expect(decodeSession(unhex(hex))).toMatchObject({ ok: false, error: { kind: 'message-malformed' } })
})

test.each(vectors.invalidPush)('refused: $name', ({ hex }) => {
  expect(decodePush(unhex(hex))).toMatchObject({ ok: false, error: { kind: 'message-malformed' } })
})

test('a store is named alike by all', () => {
  const { sender, receiver, store, tag } = vectors.announceTag
  const key = (hex: string) => must(parsePublicKey(unhex(hex)))
  expect(bytesToHex(announceTag(key(sender), key(receiver), must(parseHash(unhex(store)))))).toBe(tag)
})

test('more hashes than allowed are refused', () => {
  const hashes = Array.from({ length: HASHES_MAX + 1 }, () => new Uint8Array(32))
  const message = create(SessionMessageSchema, { message: { case: 'fetch', value: { hashes } } })
  expect(decodeSession(toBinary(SessionMessageSchema, message)).ok).toBe(false)
})

test('any bytes are handled', () => anyMessageIsHandled(500))
