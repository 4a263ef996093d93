/**
 * Theme and language: chosen per device. A desktop shell keeps them with its other settings, a browser in its own
 * storage; either way they hold at once.
 */
import i18next from 'i18next'
import { create } from 'zustand'
import { chooseLanguage } from '../i18n/choice.ts'

export type ThemeChoice = 'system' | 'light' | 'dark'

export interface Preferences {
  readonly theme: ThemeChoice
  /** A language of ours; empty: as the system. */
  readonly language: string
}

const KEY = 'lattice.preferences'

/** What was stored may be of another version, or damaged: then it is as if nothing had been chosen. */
export const parsePreferences = (text: string | null): Preferences => {
  const none: Preferences = { theme: 'system', language: '' }
  if (text === null) return none
  try {
    const stored: unknown = JSON.parse(text)
    if (typeof stored !== 'object' || stored === null) return none
    const theme = 'theme' in stored && (stored.theme === 'light' || stored.theme === 'dark') ? stored.theme : 'system'
    const language = 'language' in stored && typeof stored.language === 'string' ? stored.language.slice(0, 35) : ''
    return { theme, language }
  } catch {
    return none
  }
}

export const usePreferences = create<Preferences>(() => ({ theme: 'system', language: '' }))

/** The language to speak, by choice or else by what the system speaks. */
export const spokenLanguage = ({ language }: Preferences, system: readonly string[]): string =>
  chooseLanguage(language === '' ? system : [language, ...system])

const showTheme = ({ theme }: Preferences): void => {
  if (theme === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = theme
}

/** Reads what this browser keeps and shows it; the language is applied by whoever starts the translations. */
export const loadPreferences = (): Preferences => {
  const preferences = parsePreferences(localStorage.getItem(KEY))
  usePreferences.setState(preferences)
  showTheme(preferences)
  return preferences
}

/** Takes over and keeps what was chosen. */
export const choosePreferences = async (choice: Partial<Preferences>): Promise<void> => {
  const next = { ...usePreferences.getState(), ...choice }
  usePreferences.setState(next)
  localStorage.setItem(KEY, JSON.stringify(next))
  showTheme(next)
  await i18next.changeLanguage(spokenLanguage(next, navigator.languages))
}
