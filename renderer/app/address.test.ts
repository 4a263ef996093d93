/** Any name survives the way through an address. */
import { expect, test } from 'vitest'
import { partsOf } from './address.ts'

test.each(['plain', 'a#b', 'a?b', '100%', 'a%20b', 'a/b', 'ü ñ', '..', '%'])('%s', (name) => {
  expect(partsOf(`#/files/${encodeURIComponent(name)}/x`)).toEqual(['files', name, 'x'])
})

test('what is not encoded is taken as it is; empty parts are nothing', () => {
  expect(partsOf('#/files//100%/')).toEqual(['files', '100%'])
  expect(partsOf('')).toEqual([])
})
