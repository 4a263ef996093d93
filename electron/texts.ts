/**
 * What the shell says to people, in the language that its page speaks: same library, same choice of a language, texts
 * in `renderer/i18n/<language>/shell.json`. What the node says of a failure is in English; it is shown as a detail.
 */
import { createInstance, type i18n } from 'i18next'
import { chooseLanguage, directionOf } from '#renderer/i18n/choice.ts'
import { accented, mapTexts, rightToLeft } from '#renderer/i18n/pseudo.ts'
import de from '#renderer/i18n/de/shell.json' with { type: 'json' }
import en from '#renderer/i18n/en/shell.json' with { type: 'json' }
import es from '#renderer/i18n/es/shell.json' with { type: 'json' }

/** The text of a key, with its gaps filled in. */
export type Say = (key: string, fill?: Readonly<Record<string, string | number>>) => string

export class ShellTexts {
  readonly #i18n: i18n

  /** `wanted`: languages in the order of preference. */
  constructor(wanted: readonly string[]) {
    this.#i18n = createInstance()
    const all = { en, de, es, 'en-XA': mapTexts(en, accented), 'ar-XB': mapTexts(en, rightToLeft) }
    // All texts are here, so that it is done when this returns, whatever the promise says.
    void this.#i18n.init({
      resources: Object.fromEntries(Object.entries(all).map(([language, shell]) => [language, { shell }])),
      lng: chooseLanguage(wanted),
      fallbackLng: 'en',
      defaultNS: 'shell',
      interpolation: { escapeValue: false }, // whoever makes markup of a text escapes all of it
      initAsync: false,
    })
  }

  readonly say: Say = (key, fill) => this.#i18n.t(key, { ...fill })

  get language(): string {
    return this.#i18n.language
  }

  get direction(): 'ltr' | 'rtl' {
    return directionOf(this.language)
  }

  /** A text in each language that is complete. */
  inAll(key: string): Readonly<Record<string, string>> {
    return Object.fromEntries(['en', 'de', 'es'].map((language) => [language, this.#i18n.t(key, { lng: language })]))
  }

  speak(wanted: readonly string[]): void {
    void this.#i18n.changeLanguage(chooseLanguage(wanted))
  }
}
