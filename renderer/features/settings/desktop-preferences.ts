/** A desktop shell keeps theme and language with its own settings, as its menus and windows follow them too. */
import type { Client } from '@connectrpc/connect'
import { Theme, type DesktopService } from '#proto/desktop_api'
import type { Preferences } from '../../state/preferences.ts'

const themes = { system: Theme.UNSPECIFIED, light: Theme.LIGHT, dark: Theme.DARK } as const

export const keepInDesktop = async (
  client: Client<typeof DesktopService>,
  { theme, language }: Partial<Preferences>,
): Promise<void> => {
  await client.changeDesktop({ theme: theme && themes[theme], language })
}
