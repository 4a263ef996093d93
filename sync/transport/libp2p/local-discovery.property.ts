/** Whatever is announced on the network: no exception, and only addresses come out. */
import { multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'
import { expect } from 'vitest'
import { parseAnnouncement } from './local-discovery.ts'

const names = fc.oneof(
  fc.string(),
  fc.constant('12D3KooWAF5nFh3v2YMYCByWFvkqDVvTQZcRkzF5L4imyLuWEdsW._lattice._udp.local'),
)
const addresses = fc.constantFrom('/ip4/10.0.0.1/tcp/1', '/ip4/300.0.0.1/tcp/1', '/ip6/::1/udp/5', '/dns4/a/tcp/9', '')
const texts = fc.oneof(
  addresses.map((address) => `dnsaddr=${address}`),
  fc.string().map((text) => `dnsaddr=${text}`),
  fc.uint8Array(),
  fc.anything(),
)

export const announcementsAreStrict = fc.property(names, fc.oneof(fc.array(texts), texts), (name, data) => {
  const found = parseAnnouncement(name, data)
  if (!found) return
  expect(found.addresses.length).toBeGreaterThan(0)
  expect(found.addresses.length).toBeLessThanOrEqual(16)
  for (const address of found.addresses) expect(multiaddr(address).toString()).toBe(address)
})
