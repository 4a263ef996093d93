/** The languages there are, and their texts: one file per feature, `<language>/<feature>.json`. */
import i18next from 'i18next'
import { initReactI18next } from 'react-i18next'
import { accented, mapTexts, rightToLeft, type Texts } from './pseudo.ts'

/** By their own names, as people look for them. */
export const languages: Readonly<Record<string, string>> = { en: 'English', de: 'Deutsch', es: 'Español' }
/** For tests of the interface; chosen by name only. */
const pseudoLanguages = ['en-XA', 'ar-XB'] as const

const files = import.meta.glob<Texts>('./*/*.json', { eager: true, import: 'default' })

/** Language → feature → its texts. */
export const resources = (): Record<string, Record<string, Texts>> => {
  const all: Record<string, Record<string, Texts>> = {}
  for (const [path, texts] of Object.entries(files)) {
    const [, language = '', feature = ''] = /^\.\/([^/]+)\/([^/]+)\.json$/.exec(path) ?? []
    ;(all[language] ??= {})[feature] = texts
  }
  const english = Object.entries(all['en'] ?? {})
  all['en-XA'] = Object.fromEntries(english.map(([feature, texts]) => [feature, mapTexts(texts, accented)]))
  all['ar-XB'] = Object.fromEntries(english.map(([feature, texts]) => [feature, mapTexts(texts, rightToLeft)]))
  return all
}

/** The first language we have among those asked for, by the tag or its first part; English when there is none. */
export const chooseLanguage = (wanted: readonly string[]): string => {
  const known = [...Object.keys(languages), ...pseudoLanguages]
  for (const tag of wanted) {
    const found = known.find((language) => language === tag) ?? known.find((language) => language === tag.split('-')[0])
    if (found !== undefined) return found
  }
  return 'en'
}

export const directionOf = (language: string): 'ltr' | 'rtl' => (/^(ar|fa|he|ur)(-|$)/.test(language) ? 'rtl' : 'ltr')

const markDocument = (language: string): void => {
  document.documentElement.lang = language
  document.documentElement.dir = directionOf(language)
}

export const startTranslations = async (language: string): Promise<void> => {
  i18next.on('languageChanged', markDocument)
  await i18next.use(initReactI18next).init({
    resources: resources(),
    lng: language,
    fallbackLng: 'en',
    defaultNS: 'app',
    interpolation: { escapeValue: false }, // React escapes
    returnNull: false,
  })
}
