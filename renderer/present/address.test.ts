/** Addresses in words people know. */
import { expect, test } from 'vitest'
import { shortAddress } from './address.ts'

test.each([
  ['/ip4/192.168.1.7/tcp/4001/p2p/12D3KooW', '192.168.1.7:4001'],
  ['/ip6/fe80::1/tcp/4001', '[fe80::1]:4001'],
  ['/dns4/relay.example/tcp/443/p2p/A/p2p-circuit/p2p/B', 'relay.example:443'],
  ['/memory/7', '/memory/7'],
  ['', ''],
])('%s is shown as %s', (address, shown) => {
  expect(shortAddress(address)).toBe(shown)
})
