/** `DesktopService`: what only a desktop shell can do. Requests come from the page and are checked like any other. */
import { stat } from 'node:fs/promises'
import { isAbsolute, normalize, sep } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { DesktopSchema, KeyStorage, Theme, type Desktop, type DesktopService } from '#proto/desktop_api'
import { ListFoldersRequestSchema } from '#proto/folder_api'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import type { NodeApi, ServiceApi } from '#daemon/rpc/port.ts'
import { isLanguage, type DesktopFile, type DesktopMemory, type ThemeName } from './desktop-file.ts'
import type { PlaceRequests } from './requests.ts'

/** What it needs of the system and of Electron. */
export interface DesktopParts {
  readonly api: NodeApi
  readonly keyKeptIn: 'keychain' | 'file'
  readonly memory: DesktopMemory
  readonly requests: PlaceRequests
  systemLanguage(): string
  /** After the language was kept. */
  languageChanged(): void
  isAutostarted(): boolean
  setAutostart(wanted: boolean): void
  applyTheme(theme: ThemeName): void
  /** Undefined: the person cancelled. */
  chooseDirectory(title: string): Promise<string | undefined>
  /** The directory of a folder opens; of what lies inside, the place is shown. */
  openDirectory(path: string): void
  reveal(path: string): void
  quit(): void
}

const themes: Readonly<Record<ThemeName, Theme>> = {
  system: Theme.UNSPECIFIED,
  light: Theme.LIGHT,
  dark: Theme.DARK,
}

const themeName = (theme: Theme): ThemeName | undefined =>
  (Object.keys(themes) as ThemeName[]).find((name) => themes[name] === theme)

const badRequest = (message: string): Result<never, LatticeError> =>
  err(latticeError('bad-request', 'permanent', message))

/** The directory of the folder that a path is or lies in: the page may not send the file manager anywhere else. */
const findFolder = async ({ api }: DesktopParts, path: string, signal: AbortSignal): Promise<string | undefined> => {
  const listed = await api.folders.listFolders(create(ListFoldersRequestSchema), signal)
  if (!listed.ok) return undefined
  const roots = (listed.value.folders ?? []).map((folder) => folder.path ?? '').filter((root) => root !== '')
  return roots.find((root) => path === root || path.startsWith(`${root}${sep}`))
}

const describe = (parts: DesktopParts): Desktop =>
  create(DesktopSchema, {
    platform: process.platform,
    keyStorage: parts.keyKeptIn === 'keychain' ? KeyStorage.KEYCHAIN : KeyStorage.FILE,
    autostart: parts.isAutostarted(),
    theme: themes[parts.memory.now.theme],
    language: parts.memory.now.language,
    systemLanguage: parts.systemLanguage(),
  })

export const desktopService = (parts: DesktopParts): ServiceApi<typeof DesktopService> => ({
  getDesktop: async () => ok({ desktop: describe(parts) }),
  async chooseDirectory({ title }) {
    return ok({ path: (await parts.chooseDirectory(title.slice(0, 200))) ?? '' })
  },
  async revealPath({ path: given }, signal) {
    if (!isAbsolute(given)) return badRequest('the path to show is not absolute')
    const path = normalize(given)
    const root = await findFolder(parts, path, signal)
    if (root === undefined)
      return err(latticeError('outside-folders', 'denied', `${path} lies in no folder of this device`))
    const found = await stat(path).catch(() => undefined)
    if (found === undefined) return err(latticeError('path-not-found', 'permanent', `${path} is not there any more`))
    if (path === root) parts.openDirectory(path)
    else parts.reveal(path)
    return ok({})
  },
  async changeDesktop({ autostart, theme, language }) {
    const name = theme === undefined ? undefined : themeName(theme)
    if (theme !== undefined && name === undefined) return badRequest('there is no such theme')
    if (language !== undefined && !isLanguage(language)) return badRequest('the language is no BCP 47 tag')
    const change: Partial<DesktopFile> = { ...(name && { theme: name }), ...(language !== undefined && { language }) }
    try {
      if (autostart !== undefined) parts.setAutostart(autostart)
      if (Object.keys(change).length > 0) parts.memory.change(change)
    } catch (cause) {
      const message = `the setting cannot be kept: ${(cause as Error).message}`
      return err(latticeError('setting-not-kept', 'retryable', message))
    }
    if (name !== undefined) parts.applyTheme(name)
    if (language !== undefined) parts.languageChanged()
    return ok({ desktop: describe(parts) })
  },
  async *watchRequests(_, signal) {
    for await (const request of parts.requests.follow(signal)) yield ok({ request })
  },
  async quit() {
    // After the reply is on its way.
    setImmediate(() => parts.quit())
    return ok({})
  },
})
