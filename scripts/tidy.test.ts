/** The line ratchet and the banned names fire. */
import { expect, test } from 'vitest'
import { tidyFaults } from './tidy.mjs'

const marker = ['TO', 'DO'].join('')

test('a file of 800 lines passes, one of 801 does not', () => {
  expect(tidyFaults('kernel/core/a.ts', 'x\n'.repeat(800))).toEqual([])
  expect(tidyFaults('kernel/core/a.ts', 'x\n'.repeat(801))).toEqual([
    'kernel/core/a.ts: 801 lines, at most 800: split it',
  ])
})

test.each([
  ['kernel/core/utils.ts', 'a'],
  ['sync/helpers.ts', 'a'],
  ['kernel/core/a.ts', `// ${marker} later`],
  ['kernel/core/a.test.ts', `test${'.only'}('x', () => {})`],
])('%s with %j is refused', (path, text) => {
  expect(tidyFaults(path, text)).toHaveLength(1)
})
