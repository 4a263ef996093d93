/** Which languages there are, and which of them is spoken: for the page, and for the desktop shell around it. Pure. */

/** By their own names, as people look for them. */
export const languages: Readonly<Record<string, string>> = { en: 'English', de: 'Deutsch', es: 'Español' }
/** For tests of the interface; chosen by name only. */
const pseudoLanguages = ['en-XA', 'ar-XB'] as const

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
