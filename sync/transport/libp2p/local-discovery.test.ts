/** Devices on one network find each other; what others shout there is taken for what it is. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytesToHex, equalBytes } from '#kernel/core/bytes.ts'
import { must } from '../conformance.ts'
import { announcementsAreStrict } from './local-discovery.property.ts'
import { parseAnnouncement } from './local-discovery.ts'
import { createNode } from './testing.ts'

const PEER = '12D3KooWAF5nFh3v2YMYCByWFvkqDVvTQZcRkzF5L4imyLuWEdsW'
const NAME = `${PEER}._lattice._udp.local`

test('two nodes find each other, and what is found can be dialled', { timeout: 20_000 }, async (context) => {
  const [a, b] = [await createNode({ localDiscovery: true }), await createNode({ localDiscovery: true })]
  try {
    const found = new Promise<readonly string[]>((resolve) =>
      a.on('discovered', (peer, addresses) => equalBytes(peer, b.self) && resolve(addresses)),
    )
    const deadline = new Promise<undefined>((resolve) =>
      AbortSignal.timeout(10_000).addEventListener('abort', () => resolve(undefined)),
    )
    const addresses = await Promise.race([found, deadline])
    if (!addresses) return context.skip('multicast does not reach this machine itself')
    expect(bytesToHex(must(await a.connect(b.self, addresses)).peer)).toBe(bytesToHex(b.self))
  } finally {
    await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()])
  }
})

test('an announcement names a device and its addresses', () => {
  const data = [Buffer.from('dnsaddr=/ip4/10.0.0.1/tcp/1'), Buffer.from('other=1'), 'dnsaddr=/ip6/fe80::1/tcp/2']
  const found = parseAnnouncement(NAME, data)
  expect(found?.peerId.toString()).toBe(PEER)
  expect(found?.addresses).toEqual(['/ip4/10.0.0.1/tcp/1', '/ip6/fe80::1/tcp/2'])
})

test.each([
  ['no device', '._lattice._udp.local', ['dnsaddr=/ip4/10.0.0.1/tcp/1']],
  ['something else', 'printer._lattice._udp.local', ['dnsaddr=/ip4/10.0.0.1/tcp/1']],
  ['no address', NAME, ['dnsaddr=nonsense']],
  ['nothing', NAME, []],
  ['a long text', NAME, [`dnsaddr=/dns4/${'a'.repeat(300)}/tcp/1`]],
])('%s is ignored', (_, name, data) => {
  expect(parseAnnouncement(name, data)).toBeUndefined()
})

test('any announcement is ignored or well formed', () => fc.assert(announcementsAreStrict, { numRuns: 300 }))
