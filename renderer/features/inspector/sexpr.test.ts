import fc from 'fast-check'
import { expect, it } from 'vitest'
import { prettySexpr, wordsOf } from './sexpr.ts'

const { expression } = fc.letrec((tie) => ({
  expression: fc.oneof(
    { maxDepth: 5 },
    fc.stringMatching(/^[a-z0-9-]{1,12}$/),
    fc.string().map((text) => JSON.stringify(text)),
    fc.array(tie('expression'), { maxLength: 6 }).map((all) => `(${all.join(' ')})`),
  ),
}))

it('keeps every word, and stays the same when laid out again', () => {
  fc.assert(
    fc.property(expression, (text) => {
      const source = String(text)
      const pretty = prettySexpr(source)
      expect(wordsOf(pretty)).toEqual(wordsOf(source))
      expect(prettySexpr(pretty)).toBe(pretty)
    }),
  )
})

it('leaves a text as it is whose brackets do not match', () => {
  for (const text of ['(a', 'a)', '(a (b)', ')(']) expect(prettySexpr(text)).toBe(text)
})

it('breaks what is too long for a line', () => {
  expect(prettySexpr(`(put "key" (value ${'x'.repeat(60)}))`)).toBe(`(put\n  "key"\n  (value\n    ${'x'.repeat(60)}))`)
})
