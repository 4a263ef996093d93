/**
 * Languages that nobody speaks, made from the English texts to find faults: `en-XA` has accents and is 40% longer, so
 * that text left out of the translations and places too small for it show; `ar-XB` is written from right to left.
 */
export type Texts = { readonly [key: string]: string | Texts }

const accents: Readonly<Record<string, string>> = {
  a: 'á', c: 'ç', e: 'é', i: 'í', n: 'ñ', o: 'ö', s: 'š', u: 'ü', y: 'ý', z: 'ž',
  A: 'Å', C: 'Ç', E: 'É', I: 'Î', N: 'Ñ', O: 'Ø', S: 'Š', U: 'Û', Y: 'Ý', Z: 'Ž',
} // prettier-ignore

/** What i18next fills in, and markup of `<Trans>`, stay as they are. */
const fixed = /(\{\{[^}]*\}\}|<\/?\w+\s*\/?>)/g

const mapWords = (text: string, change: (words: string) => string): string =>
  text
    .split(fixed)
    .map((part, at) => (at % 2 === 1 ? part : change(part)))
    .join('')

const lengthen = (text: string): string => {
  const words = text.replaceAll(fixed, '').length
  return `${text}${'~'.repeat(Math.ceil(words * 0.4))}`
}

export const accented = (text: string): string =>
  `[${lengthen(mapWords(text, (words) => words.replace(/\p{L}/gu, (letter) => accents[letter] ?? letter)))}]`

/** U+202E forces the letters to run from right to left, U+202C ends that. */
export const rightToLeft = (text: string): string =>
  mapWords(text, (words) => (words.trim() === '' ? words : `\u202e${words}\u202c`))

export const mapTexts = (texts: Texts, change: (text: string) => string): Texts =>
  Object.fromEntries(
    Object.entries(texts).map(([key, value]) => [
      key,
      typeof value === 'string' ? change(value) : mapTexts(value, change),
    ]),
  )
