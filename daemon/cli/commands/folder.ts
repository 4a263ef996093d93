/** `folder add|list|remove|keep|pause|resume|rescan|wait`. */
import { FolderService, WaitFolderResponseSchema, type Folder, type WaitFolderResponse } from '#proto/folder_api'
import { absolutePath, openContext, type CommonOptions } from '../context.ts'
import { formatCount } from '../format.ts'
import { plainMessage } from '../plain.ts'
import { folderTable } from '../views.ts'

const methods = FolderService.method

const sentence = (folder: Folder | undefined, what: string): string | undefined =>
  folder && `${folder.name} ${what} (${folder.path})`

export const addFolder = async (path: string, options: CommonOptions & { name?: string }): Promise<void> => {
  const context = await openContext(options)
  const request = { path: absolutePath(path), name: options.name ?? '' }
  await context.call(methods.addFolder, request, ({ folder }) => sentence(folder, 'now syncs'))
}

export const listFolders = async (options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  await context.call(methods.listFolders, {}, ({ folders }) =>
    folders.length === 0 ? 'No folder yet.' : folderTable(folders, context.terminal),
  )
}

export const removeFolder = async (folder: string, options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  await context.call(
    methods.removeFolder,
    { folder },
    ({ available }) =>
      `${folder} no longer syncs on this device; its files are untouched${available ? ` (“lattice folder keep ${folder}” takes it up again)` : ''}`,
  )
}

export const keepFolder = async (
  folder: string,
  path: string | undefined,
  options: CommonOptions & { timeout?: number },
): Promise<void> => {
  const context = await openContext(options)
  const request = { folder, path: path === undefined ? '' : absolutePath(path), timeoutMs: options.timeout ?? 0 }
  await context.call(methods.keepFolder, request, (reply) => sentence(reply.folder, 'syncs here again'))
}

export const pauseFolder = async (folder: string, options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  await context.call(methods.pauseFolder, { folder }, (reply) => sentence(reply.folder, 'is paused'))
}

export const resumeFolder = async (folder: string, options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  await context.call(methods.resumeFolder, { folder }, (reply) => sentence(reply.folder, 'syncs again'))
}

export const rescanFolder = async (folder: string, options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  await context.call(methods.rescanFolder, { folder }, (reply) => sentence(reply.folder, 'was compared with the index'))
}

const describeProgress = ({ ingested, pendingIn, pendingOut, peers }: WaitFolderResponse): string => {
  const behind = peers.filter((peer) => !peer.level).map((peer) => peer.name)
  return [
    ingested ? 'all local changes recorded' : 'recording local changes',
    `${formatCount(pendingIn)} in`,
    `${formatCount(pendingOut)} out`,
    behind.length === 0 ? `${peers.length} of ${peers.length} peers level` : `waiting for ${behind.join(', ')}`,
  ].join(' · ')
}

/** Prints nothing for people but the progress line; `--json` prints the last state. */
export const waitFolder = async (folder: string, options: CommonOptions & { timeout?: number }): Promise<void> => {
  const context = await openContext(options)
  for await (const reply of context.client.stream(methods.waitFolder, { folder, timeoutMs: options.timeout ?? 0 })) {
    if (!reply.ok) return context.fail(reply.error)
    context.terminal.progress(describeProgress(reply.value))
    if (reply.value.level && context.json) context.terminal.json(plainMessage(WaitFolderResponseSchema, reply.value))
  }
  context.terminal.progress('')
}
