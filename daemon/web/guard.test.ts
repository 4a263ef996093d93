import fc from 'fast-check'
import { expect, test } from 'vitest'
import { anyHeadIsJudged, anyTokenIsHandled } from './guard.property.ts'
import { hostsServed } from './guard.ts'

test('any head of a request is judged', () => fc.assert(anyHeadIsJudged, { numRuns: 2_000 }))
test('any text is a token or damaged', () => fc.assert(anyTokenIsHandled, { numRuns: 300 }))

test('on the port that browsers leave out the host may have none', () => {
  expect(hostsServed(80)).toContain('localhost')
  expect(hostsServed(8080)).not.toContain('localhost')
})
