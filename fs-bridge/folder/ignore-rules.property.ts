/** Any text as rules, from whoever may write to the folder; shared by the test and the fuzz campaign. */
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect } from 'vitest'
import { IGNORE_FILE, IgnoreRules } from './ignore-rules.ts'

const piece = fc.oneof(
  fc.constantFrom('*', '**', '?', '/', '!', '#', '\\', '[', ']', '-', '^', '{', '}', '(', ')', '|', '+', '.', '$', ' '),
  fc.constantFrom('a', 'b', 'z', '0', '\n', '\r', '\0', '\t', '\uFEFF', '\u{1f600}', '[!a-z]', '[[:alpha:]]', '[z-a]'),
)
const rules = fc.oneof(
  fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
  fc.tuple(piece, fc.integer({ min: 1, max: 20_000 })).map(([text, times]) => text.repeat(times)),
  fc.string({ unit: 'binary' }),
)
const name = fc
  .oneof(fc.constantFrom('a', 'b', '..a', ' ', '~', 'a'.repeat(255)), fc.string({ unit: 'binary', minLength: 1 }))
  .filter((text) => !/[/\0]/.test(text) && text !== '.' && text !== '..')
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'))

/** Whatever the rules say, of every path it is known whether it syncs. */
export const anyRulesAreHandled = (numRuns: number): void => {
  const root = fs.mkdtempSync(join(tmpdir(), 'lattice-ignore-'))
  try {
    fc.assert(
      fc.property(rules, path, fc.boolean(), (text, at, isDir) => {
        fs.writeFileSync(join(root, IGNORE_FILE), text)
        const ignored = new IgnoreRules(root).explain(at, isDir)
        expect(typeof (ignored?.reason ?? '')).toBe('string')
      }),
      { numRuns },
    )
  } finally {
    fs.rmSync(root, { recursive: true })
  }
}
