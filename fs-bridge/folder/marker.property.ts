/** What `.lattice/folder` may hold, shared by the test and the fuzz campaign. */
import fc from 'fast-check'
import { parseMarker } from './marker.ts'

const folder = fc.oneof(fc.constantFrom('0123456789abcdef', 1234567890123456, '0'.repeat(17)), fc.jsonValue())
const like = fc.record({
  format: fc.constantFrom(1, '1', 2),
  store: fc.oneof(fc.constant('aa'), fc.jsonValue()),
  folder,
})

/** Any text is a marker with every member as it must be, or none. */
export const anyMarkerIsHandled = fc.property(
  fc.oneof(
    fc.string(),
    fc.json(),
    like.map((value) => JSON.stringify(value)),
  ),
  (text) => {
    const marker = parseMarker(text)
    if (!marker) return true
    const whole = JSON.parse(text) as object
    return (
      typeof marker.store === 'string' &&
      /^[0-9a-f]{16}$/.test(marker.folder) &&
      JSON.stringify({ ...whole, ...marker }) === JSON.stringify(whole)
    )
  },
)
