/** Any text in the files of a home, shared by the test and the fuzz campaign. */
import { isAbsolute } from 'node:path'
import fc from 'fast-check'
import { expect } from 'vitest'
import { parseConfig, parseSeed } from './home.ts'

const value = fc.oneof(
  fc.constantFrom('', 'laptop', '/srv', 'ö'.repeat(33), [], ['/ip4/0.0.0.0/tcp/0'], ['', 7], 0, 4096, true, [
    { fromMinute: 0, toMinute: 1, weekdays: [] },
  ]),
  fc.jsonValue(),
)
const config = fc
  .record(
    {
      name: value,
      folders: value,
      listen: value,
      uploadLimit: value,
      downloadLimit: value,
      quietHours: value,
      localDiscovery: value,
      more: value,
    },
    { requiredKeys: [] },
  )
  .map((members) => JSON.stringify(members))

/** A configuration is taken with every member as it must be, or refused with a reason. */
export const anyConfigIsHandled = fc.property(fc.oneof(config, fc.json(), fc.string()), (text) => {
  const parsed = parseConfig(text)
  if (!parsed.ok) {
    expect(parsed.error).toMatch(/^(is|has) /)
    return
  }
  const { name, folders, listen } = parsed.value
  expect(Buffer.byteLength(name)).toBeLessThanOrEqual(64)
  expect(isAbsolute(folders)).toBe(true)
  expect(listen.every((address) => typeof address === 'string' && address !== '')).toBe(true)
  expect(Object.keys(parsed.value)).toHaveLength(7)
})

const hex = fc.uint8Array({ minLength: 31, maxLength: 33 }).map((bytes) => Buffer.from(bytes).toString('hex'))

/** A key is the seed it spells, or damaged. */
export const anySeedIsHandled = fc.property(fc.oneof(hex, fc.string()), (text) => {
  const seed = parseSeed(text)
  if (seed) expect(Buffer.from(seed).toString('hex')).toBe(text.toLowerCase())
  else expect(text).not.toMatch(/^[0-9a-f]{64}$/)
})
