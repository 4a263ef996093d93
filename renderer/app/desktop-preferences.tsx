/** In a desktop shell its settings say which theme and language hold: they outlive what the page itself keeps. */
import { useEffect } from 'react'
import { DesktopService, Theme } from '#proto/desktop_api'
import { showToast } from '../design/toast.tsx'
import { failureOf, wasAborted } from '../present/failure.ts'
import { useClient } from '../present/use-client.ts'
import { choosePreferences, type ThemeChoice } from '../state/preferences.ts'

const themes: Readonly<Record<Theme, ThemeChoice>> = {
  [Theme.UNSPECIFIED]: 'system',
  [Theme.LIGHT]: 'light',
  [Theme.DARK]: 'dark',
}

export const DesktopPreferences = () => {
  const client = useClient(DesktopService)
  useEffect(() => {
    const gone = new AbortController()
    const take = async (): Promise<void> => {
      const { desktop } = await client.getDesktop({}, { signal: gone.signal })
      if (desktop !== undefined) await choosePreferences({ theme: themes[desktop.theme], language: desktop.language })
    }
    take().catch((thrown: unknown) => {
      if (!wasAborted(thrown, gone.signal)) showToast('bad', failureOf(thrown).sentence)
    })
    return () => gone.abort()
  }, [client])
  return null
}
