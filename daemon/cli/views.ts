/** Tables that more than one command prints. */
import { FolderState, FolderStateSchema, type Folder } from '#proto/folder_api'
import { formatCount, formatSize, formatTable } from './format.ts'
import { enumWord } from './plain.ts'
import type { Terminal } from './terminal.ts'

const orDash = (count: number): string => (count === 0 ? '–' : formatCount(count))

export const folderTable = (folders: readonly Folder[], terminal: Terminal): string => {
  const table = formatTable(
    [
      { title: 'FOLDER' },
      { title: 'STATE' },
      { title: 'FILES', align: 'right' },
      { title: 'SIZE', align: 'right' },
      { title: 'IN', align: 'right' },
      { title: 'OUT', align: 'right' },
      { title: 'CONFLICTS', align: 'right' },
      { title: 'PATH' },
    ],
    folders.map((folder) => [
      folder.name,
      enumWord(FolderStateSchema, folder.state),
      formatCount(folder.files),
      formatSize(folder.bytes),
      orDash(folder.pendingIn),
      orDash(folder.pendingOut),
      orDash(folder.conflicts),
      folder.path || '(not kept on this device)',
    ]),
    terminal.dim,
  )
  const problems = folders.filter((folder) => folder.problem !== '' || folder.state === FolderState.ERROR)
  return [table, ...problems.map((folder) => terminal.red(`${folder.name}: ${folder.problem}`))].join('\n')
}
