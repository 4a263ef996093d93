/** What must hold for the frame decoder on any bytes; run short in the tests and long in the fuzz project. */
import fc from 'fast-check'
import { expect } from 'vitest'
import { FrameReader } from './framing.ts'

/** The decoder agrees with a naive one over the whole buffer, whatever the pieces. */
export const anyBytesAreFrames = () =>
  fc.asyncProperty(
    fc.uint8Array({ maxLength: 64, max: 8 }),
    fc.integer({ min: 1, max: 9 }),
    fc.integer({ min: 0, max: 16 }),
    fc.boolean(),
    async (bytes, size, max, fills) => {
      let given = 0
      const read = async () => {
        if (given >= bytes.length) return undefined
        const piece = bytes.subarray(given, given + size)
        given += size
        return piece
      }
      const readInto = async (target: Uint8Array) => {
        const part = bytes.subarray(given, given + target.length)
        target.set(part)
        given += part.length
        return part.length
      }
      const dirtyRoom = (length: number) => new Uint8Array(length).fill(0xee)
      const reader = new FrameReader({ read, ...(fills && { readInto }) }, max, dirtyRoom)
      const view = Buffer.from(bytes)
      for (let at = 0; ;) {
        const frame = await reader.next()
        if (at === bytes.length) return void expect(frame).toEqual({ ok: true, value: undefined })
        const length = at + 4 > bytes.length ? undefined : view.readUInt32BE(at)
        if (length === undefined) return void expect(frame).toMatchObject({ error: { kind: 'frame-cut' } })
        if (length > max) return void expect(frame).toMatchObject({ error: { kind: 'frame-too-large' } })
        if (at + 4 + length > bytes.length) return void expect(frame).toMatchObject({ error: { kind: 'frame-cut' } })
        expect(frame.ok && Buffer.compare(frame.value!, view.subarray(at + 4, at + 4 + length))).toBe(0)
        at += 4 + length
      }
    },
  )
