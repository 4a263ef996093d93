/** Stored preferences are read with care, and the system's language is the default. */
import { expect, test } from 'vitest'
import { parsePreferences, spokenLanguage } from './preferences.ts'

test.each([
  [null, { theme: 'system', language: '' }],
  ['{', { theme: 'system', language: '' }],
  ['null', { theme: 'system', language: '' }],
  ['{"theme":"purple","language":7}', { theme: 'system', language: '' }],
  ['{"theme":"dark","language":"de"}', { theme: 'dark', language: 'de' }],
])('%s is read as %j', (text, preferences) => {
  expect(parsePreferences(text)).toEqual(preferences)
})

test('a choice goes before the system', () => {
  expect(spokenLanguage({ theme: 'system', language: 'es' }, ['de'])).toBe('es')
  expect(spokenLanguage({ theme: 'system', language: '' }, ['de'])).toBe('de')
})
