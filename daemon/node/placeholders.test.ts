import { expect, test } from 'vitest'
import { Placeholders } from './placeholders.ts'

const names = (seed = 1): Placeholders => new Placeholders(new Uint8Array(32).fill(seed))

test('a thing has one placeholder on one device, and another on another', () => {
  expect(names().of('device', 'laptop')).toBe(names().of('device', 'laptop'))
  expect(names().of('device', 'laptop')).not.toBe(names(2).of('device', 'laptop'))
  expect(names().of('device', 'laptop')).not.toBe(names().of('folder', 'laptop'))
  expect(names().of('device', 'laptop')).toMatch(/^device-[0-9a-f]{8}$/)
})

test('what is known is replaced in sentences, the longest first; addresses and keys without being known', () => {
  const all = names()
  const home = all.know('path', '/home/anna')
  const folder = all.know('path', '/home/anna/plans')
  all.know('text', '')
  expect(all.clean('12 MB are free at /home/anna/plans, not at /home/anna')).toBe(
    `12 MB are free at ${folder}, not at ${home}`,
  )
  const cleaned = all.clean(
    `listens on /ip4/192.168.1.7/tcp/4001/p2p/12D3KooWSDJ, /dns4/a.example/tcp/1; ${'ab'.repeat(32)}`,
  )
  expect(cleaned).toMatch(/^listens on text-[0-9a-f]{8}, text-[0-9a-f]{8}; text-[0-9a-f]{8}$/)
})

test('names of one letter, and names that look like patterns, make no more of a sentence than it was', () => {
  const all = names()
  for (const letter of 'abcdefghijklmnopqrstuvwxyz') all.know('device', letter)
  all.know('device', '')
  const odd = all.know('device', '(.*)+$[a-z]{9}|^\\-/')
  expect(all.clean('the clock agrees')).toBe('the clock agrees')
  expect(all.clean('the log of e, (.*)+$[a-z]{9}|^\\-/ is damaged')).toBe(
    `the log of ${all.of('device', 'e')}, ${odd} is damaged`,
  )
})

test('of a line of the log nothing private is left, whatever it is', () => {
  expect(names().line(['folder ', { kind: 'folder', value: 'plans' }, ' failed'])).toMatch(
    /^folder \[folder-[0-9a-f]{8}\] failed$/,
  )
})
