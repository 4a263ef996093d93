import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { PublicKey } from '#kernel/core/bytes.ts'
import { streamPair } from './blobs/testing.ts'
import { FRAME_MAX, FrameReader, FrameWriter } from './framing.ts'
import { anyBytesAreFrames } from './framing.property.ts'
import { StreamClosedError } from './transport/port.ts'

const alice = new Uint8Array(32).fill(1) as PublicKey
const bob = new Uint8Array(32).fill(2) as PublicKey

const tear = (sizes: readonly number[]) => {
  let i = 0
  return (bytes: Uint8Array): readonly Uint8Array[] => {
    const pieces: Uint8Array[] = []
    for (let at = 0; at < bytes.length;) {
      const size = sizes[i++ % sizes.length]!
      pieces.push(bytes.subarray(at, at + size))
      at += size
    }
    return pieces
  }
}

describe('frames', () => {
  test('come out as they went in, however the stream tears them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat(40_000), { maxLength: 4 }), { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 30_000 }), { minLength: 1, maxLength: 5 }),
        async (frames, sizes) => {
          const [a, b] = streamPair(alice, bob, { cut: tear([...sizes, 1000]) })
          const writer = new FrameWriter(a)
          const made = frames.map((parts, f) => parts.map((n, p) => new Uint8Array(n).fill(f * 16 + p + 1)))
          const sent = Promise.all(made.map((parts) => writer.write(...parts))).then(() => a.end())
          const reader = new FrameReader(b)
          for (const parts of made) {
            const frame = await reader.next()
            expect(frame.ok && frame.value && Buffer.compare(frame.value, Buffer.concat(parts))).toBe(0)
          }
          expect(await reader.next()).toEqual({ ok: true, value: undefined })
          await sent
        },
      ),
      { numRuns: 60 },
    )
  })

  test('a small frame is one write, a large part is passed on uncopied', async () => {
    const writes: Uint8Array[] = []
    const writer = new FrameWriter({ write: async (bytes) => void writes.push(bytes) })
    await writer.write(new Uint8Array(10), new Uint8Array(20))
    expect(writes.map((w) => w.length)).toEqual([34])
    const large = new Uint8Array(300_000)
    await writer.write(new Uint8Array(10), large)
    expect(writes.map((w) => w.length)).toEqual([34, 14, 300_000])
    expect(writes[2]).toBe(large)
  })

  test.each([
    ['too long', [0x00, 0x40, 0x00, 0x01], 'frame-too-large'],
    ['longest length there is', [0xff, 0xff, 0xff, 0xff], 'frame-too-large'],
    ['cut in the length', [0, 0], 'frame-cut'],
    ['cut in the body', [0, 0, 0, 2, 7], 'frame-cut'],
  ])('refused: %s', async (_, bytes, kind) => {
    const [a, b] = streamPair(alice, bob)
    await a.write(Uint8Array.from(bytes))
    await a.end()
    expect(await new FrameReader(b).next()).toMatchObject({ ok: false, error: { kind } })
  })

  test('a broken stream throws its own error, to the writer of each frame', async () => {
    const [a, b] = streamPair(alice, bob)
    const writer = new FrameWriter(a)
    b.abort('gone')
    await expect(writer.write(new Uint8Array(1))).rejects.toThrow(StreamClosedError)
    await expect(writer.write(new Uint8Array(1))).rejects.toThrow(StreamClosedError)
    await expect(new FrameReader(a).next()).rejects.toThrow(StreamClosedError)
  })

  test('a frame beyond the limit is a bug of the writer', () => {
    const [a] = streamPair(alice, bob)
    expect(() => new FrameWriter(a).write(new Uint8Array(FRAME_MAX), new Uint8Array(1))).toThrow(/exceeds/)
  })

  test('any bytes are frames or a named error', () => fc.assert(anyBytesAreFrames(), { numRuns: 300 }))
})
