/** Any head of a request, shared by the test and the fuzz campaign. */
import fc from 'fast-check'
import { expect } from 'vitest'
import { hostsServed, judge } from './guard.ts'
import { parseToken } from './token.ts'

const served = { port: 4711, token: 'A'.repeat(43) }
const name = fc.constantFrom('Host', 'host', 'Origin', 'Authorization', 'Content-Length', 'Cookie', 'x')
const value = fc.oneof(
  fc.constantFrom('localhost:4711', '[::1]:4711', 'http://localhost:4711', `Bearer ${served.token}`, '12', '-1', '1e9'),
  fc.string(),
)
const head = fc.record({
  method: fc.oneof(fc.constantFrom('GET', 'POST', 'OPTIONS'), fc.string()),
  target: fc.oneof(fc.constantFrom('/', '/rpc', '/rpc/a', '/rpcs', '/index.html?x'), fc.webPath(), fc.string()),
  rawHeaders: fc
    .tuple(
      fc.constantFrom(
        ['Host', '127.0.0.1:4711', 'authorization', `Bearer ${served.token}`],
        ['Host', 'localhost:4711'],
        [],
      ),
      fc.array(fc.tuple(name, value), { maxLength: 4 }),
    )
    .map(([some, more]) => [...some, ...more.flat()]),
})

/** A call needs POST, the token once, one host of ours and no origin but its own; a file needs GET, and its exact path. */
export const anyHeadIsJudged = fc.property(head, ({ method, target, rawHeaders }) => {
  const verdict = judge({ method, target, rawHeaders }, served)
  if (verdict.to === 'nowhere') {
    expect(verdict.why.status).toBeGreaterThanOrEqual(400)
    return
  }
  const valuesOf = (wanted: string) =>
    rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === wanted)
  const [host, ...others] = valuesOf('host')
  expect([others.length, hostsServed(served.port).includes(host!)]).toEqual([0, true])
  for (const origin of valuesOf('origin')) expect(origin).toBe(`http://${host}`)
  expect(method).toBe(verdict.to === 'rpc' ? 'POST' : 'GET')
  if (verdict.to === 'rpc') expect(valuesOf('authorization')).toEqual([`Bearer ${served.token}`])
  else expect(target.startsWith(verdict.path)).toBe(true)
})

/** Any text is a token of its full length, or damaged. */
export const anyTokenIsHandled = fc.property(fc.string(), (text) => {
  expect(parseToken(text)?.length ?? 43).toBe(43)
})
