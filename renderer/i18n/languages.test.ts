/** Every language says all that English says, with the same things to fill in; and the pseudo-languages are made of it. */
import { expect, test } from 'vitest'
import { chooseLanguage, directionOf, languages } from './choice.ts'
import { resources } from './languages.ts'
import { accented, rightToLeft, type Texts } from './pseudo.ts'

const all = resources()
/** The desktop shell's; the page does without them. */
const shell = import.meta.glob<Texts>('./*/shell.json', { eager: true, import: 'default' })

/** 'folders.card.pause' → the text; plural forms (`_one`, `_other`, …) count as one key, as languages differ in them. */
const flatten = (texts: Texts, prefix: string): [string, string][] =>
  Object.entries(texts).flatMap(([key, value]): [string, string][] =>
    typeof value === 'string'
      ? [[`${prefix}.${key.replace(/_(zero|one|two|few|many|other)$/, '')}`, value]]
      : flatten(value, `${prefix}.${key}`),
  )

const textsOf = (language: string): Map<string, string> =>
  new Map([
    ...Object.entries(all[language] ?? {}).flatMap(([feature, texts]) => flatten(texts, feature)),
    ...flatten(shell[`./${language}/shell.json`] ?? {}, 'shell'),
  ])

const placeholders = (text: string): string[] => [...text.matchAll(/\{\{\s*(\w+)/g)].map(([, name]) => name!).sort()

const english = textsOf('en')

test('there is English', () => {
  expect(english.size).toBeGreaterThan(100)
})

test.each(Object.keys(languages).filter((language) => language !== 'en'))('%s is complete', (language) => {
  const texts = textsOf(language)
  expect([...english.keys()].filter((key) => !texts.has(key))).toEqual([])
  expect([...texts.keys()].filter((key) => !english.has(key))).toEqual([])
  for (const [key, text] of texts) expect([key, placeholders(text)]).toEqual([key, placeholders(english.get(key)!)])
})

test('the accented language is longer by 40% and keeps what is filled in', () => {
  expect(accented('Pause {{name}} now')).toBe('[Páüšé {{name}} ñöw~~~~]')
  expect(placeholders(accented('Pause {{name}}'))).toEqual(['name'])
})

test('the right-to-left language turns words around and keeps what is filled in', () => {
  expect(rightToLeft('Pause {{name}}')).toBe('\u202ePause \u202c{{name}}')
  expect(directionOf('ar-XB')).toBe('rtl')
  expect(directionOf('de')).toBe('ltr')
})

test.each([
  [['de-AT', 'en'], 'de'],
  [['fr', 'es-MX'], 'es'],
  [['fr'], 'en'],
  [['en-XA'], 'en-XA'],
  [[], 'en'],
])('of %j we speak %s', (wanted, language) => {
  expect(chooseLanguage(wanted)).toBe(language)
})
