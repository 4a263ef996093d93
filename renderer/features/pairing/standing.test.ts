/** An invite is open until one of three things ends it. */
import { expect, test } from 'vitest'
import { standing } from './standing.ts'

const open = { revoked: false, used: 0, uses: 2, expiresMs: 1000n }

test.each([
  ['new', {}, 'open'],
  ['used once', { used: 1 }, 'open'],
  ['used up', { used: 2 }, 'used'],
  ['too old', { expiresMs: 500n }, 'expired'],
  ['taken back', { revoked: true, used: 2, expiresMs: 500n }, 'revoked'],
])('one that is %s', (_, change, is) => {
  expect(standing({ ...open, ...change }, 500)).toBe(is)
})
