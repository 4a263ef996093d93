/** What counts as a token in an address. */
import { expect, test } from 'vitest'
import { tokenOf } from './web-transport.ts'

test.each([
  ['#token=abcdefghijklmnopqrstuvwxyz012345', 'abcdefghijklmnopqrstuvwxyz012345'],
  ['#token=abcdefghijklmnopqrst%3D%3D', 'abcdefghijklmnopqrst=='],
  ['#token=abcdefghijklmnopqrst&more=1', 'abcdefghijklmnopqrst'],
])('%s holds one', (fragment, token) => {
  expect(tokenOf(fragment)).toBe(token)
})

test.each(['', '#', '#/folders', '#token=', '#token=short', '#token=%', '#token=aaaaaaaaaaaaaaaaaaaaaaa%0aX-Evil:1'])(
  '%s holds none',
  (fragment) => {
    expect(tokenOf(fragment)).toBeUndefined()
  },
)
