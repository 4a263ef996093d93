/** The texts of the page: one file per feature, `<language>/<feature>.json`. Those of the shell are in its own bundle. */
import i18next from 'i18next'
import { initReactI18next } from 'react-i18next'
import { directionOf } from './choice.ts'
import { accented, mapTexts, rightToLeft, type Texts } from './pseudo.ts'

const files = import.meta.glob<Texts>(['./*/*.json', '!./*/shell.json'], { eager: true, import: 'default' })

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
