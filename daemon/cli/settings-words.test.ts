import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatQuietHours, parseQuietHours, parseRate, parseSetting } from './settings-words.ts'

test.each([
  ['none', 0n],
  ['0', 0n],
  ['4096', 4096n],
  ['500kB', 500_000n],
  ['1.5 MB', 1_500_000n],
  ['2MB/s', 2_000_000n],
  ['1gb', 1_000_000_000n],
  ['', undefined],
  ['-1', undefined],
  ['fast', undefined],
  ['999999999999GB', undefined],
])('the speed %j is %s bytes a second', (text, bytes) => expect(parseRate(text)).toBe(bytes))

test.each([
  ['22:00-07:00', { fromMinute: 1320, toMinute: 420, weekdays: [] }],
  ['mon-fri@9:00-17:30', { fromMinute: 540, toMinute: 1050, weekdays: [1, 2, 3, 4, 5] }],
  ['fri-mon@00:00-00:00', { fromMinute: 0, toMinute: 0, weekdays: [0, 1, 5, 6] }],
  ['Sat,sun,sat@00:00-12:00', { fromMinute: 0, toMinute: 720, weekdays: [0, 6] }],
  ['24:00-07:00', undefined],
  ['22:60-07:00', undefined],
  ['22-7', undefined],
  ['day@22:00-07:00', undefined],
  ['mon-tue-wed@22:00-07:00', undefined],
  ['', undefined],
])('the hours %j', (text, hours) => expect(parseQuietHours(text)).toEqual(hours))

test('hours that are printed can be typed', () => {
  const hours = fc.record({
    fromMinute: fc.nat(1439),
    toMinute: fc.nat(1439),
    weekdays: fc.uniqueArray(fc.nat(6)).map((days) => days.sort((a, b) => a - b)),
  })
  fc.assert(
    fc.property(hours, (each) => {
      expect(parseQuietHours(formatQuietHours(each))).toEqual(each)
    }),
  )
})

test.each([
  ['device-name', ['a', 'b']],
  ['upload-limit', ['quick']],
  ['download-limit', []],
  ['quiet-hours', ['22:00-07:00', 'none']],
  ['local-discovery', ['yes']],
  ['colour', ['red']],
])('%s %j is refused with a sentence', (key, values) => {
  const parsed = parseSetting(key, values)
  expect(!parsed.ok && [parsed.error.kind, parsed.error.message.length > 0]).toEqual(['bad-request', true])
})

test.each([
  ['device-name', ['a b'], { deviceName: 'a b' }],
  ['download-limit', ['none'], { downloadLimit: 0n }],
  ['quiet-hours', ['none'], { quietHours: { hours: [] } }],
  ['local-discovery', ['off'], { localDiscovery: false }],
])('%s %j', (key, values, change) => expect(parseSetting(key, values)).toEqual({ ok: true, value: change }))
