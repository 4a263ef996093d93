/** `ls`, `trash list|restore`, `activity`. */
import type { MessageShape } from '@bufbuild/protobuf'
import {
  BrowseResponseSchema,
  EntryKind,
  FileService,
  FileState,
  FileStateSchema,
  ListActivityResponseSchema,
  ListTrashResponseSchema,
  RestoreTrashResponseSchema,
  type ActivityEntry,
  type FileRow,
  type TrashedFile,
} from '#proto/file_api'
import { FolderService } from '#proto/folder_api'
import { PeerService } from '#proto/peer_api'
import { bytesToHex } from '#kernel/core/bytes.ts'
import { openContext, type CommonOptions, type Context } from '../context.ts'
import { formatSize, formatTable, formatTime, printable } from '../format.ts'
import { enumWord, plainMessage } from '../plain.ts'

const methods = FileService.method
const PAGE = 2000
/** Lines a person is shown who does not say how many. */
const SHOWN = 100
const SHORT_ID = 12
const SHORT_DEVICE = 8

const shownName = ({ name, kind }: FileRow): string => (kind === EntryKind.DIRECTORY ? `${name}/` : name)

const shownState = ({ state, why }: FileRow): string =>
  state === FileState.UNSPECIFIED ? '' : enumWord(FileStateSchema, state) + (why === '' ? '' : `: ${why}`)

const rowsTable = (rows: readonly FileRow[], context: Context): string =>
  formatTable(
    [{ title: 'SIZE', align: 'right' }, { title: 'CHANGED' }, { title: 'NAME' }, { title: 'STATE' }],
    rows.map((row) => [
      row.kind === EntryKind.FILE ? formatSize(row.size) : '–',
      row.changedMs > 0n ? formatTime(row.changedMs) : row.mtimeMs > 0n ? formatTime(row.mtimeMs) : '–',
      shownName(row),
      shownState(row),
    ]),
    context.terminal.dim,
  )

/** `--json`: all pages as one reply. */
export const listDirectory = async (
  folder: string,
  path: string | undefined,
  options: CommonOptions & { at?: number },
): Promise<void> => {
  const context = await openContext(options)
  const rows: FileRow[] = []
  let page: MessageShape<typeof BrowseResponseSchema> | undefined
  do {
    const after = rows.at(-1)?.name ?? ''
    const request = { folder, path: trimSlashes(path ?? ''), after, limit: PAGE, atMs: BigInt(options.at ?? 0) }
    const reply = await context.client.unary(methods.browse, request)
    if (!reply.ok) return context.fail(reply.error)
    page = reply.value
    rows.push(...page.rows)
  } while (page.more)
  if (context.json)
    context.terminal.json(plainMessage(BrowseResponseSchema, { ...page, rows, total: BigInt(rows.length) }))
  else context.terminal.print(rows.length === 0 ? 'Nothing is in there.' : rowsTable(rows, context))
}

const trimSlashes = (path: string): string => path.replace(/^\.?\/+|^\.$/g, '').replace(/\/+$/, '')

/** What devices are called, by key in hex. */
const deviceNames = async (context: Context): Promise<(device: Uint8Array) => string> => {
  const names = new Map<string, string>()
  const peers = await context.client.unary(PeerService.method.listPeers, {})
  for (const { device, name } of peers.ok ? peers.value.peers : []) names.set(bytesToHex(device), name)
  return (device) => names.get(bytesToHex(device)) ?? bytesToHex(device).slice(0, SHORT_DEVICE)
}

const folderNames = async (context: Context): Promise<(storeId: Uint8Array) => string> => {
  const names = new Map<string, string>()
  const folders = await context.client.unary(FolderService.method.listFolders, {})
  for (const { storeId, name } of folders.ok ? folders.value.folders : []) names.set(bytesToHex(storeId), name)
  return (storeId) => names.get(bytesToHex(storeId)) ?? bytesToHex(storeId).slice(0, SHORT_ID)
}

export const listTrash = async (folder: string, options: CommonOptions & { limit?: number }): Promise<void> => {
  const context = await openContext(options)
  const wanted = options.limit ?? (context.json ? Infinity : SHOWN)
  const files: TrashedFile[] = []
  let more: boolean
  do {
    const request = { folder, after: files.at(-1)?.id ?? '', limit: Math.min(PAGE, wanted - files.length) }
    const reply = await context.client.unary(methods.listTrash, request)
    if (!reply.ok) return context.fail(reply.error)
    files.push(...reply.value.files)
    more = reply.value.more && reply.value.files.length > 0
  } while (more && files.length < wanted)
  if (context.json)
    return context.terminal.json(
      plainMessage(ListTrashResponseSchema, { $typeName: 'lattice.v1.ListTrashResponse', files, more }),
    )
  if (files.length === 0) return context.terminal.print('Trash is empty.')
  const nameOf = await deviceNames(context)
  context.terminal.print(
    formatTable(
      [{ title: 'ID' }, { title: 'DELETED' }, { title: 'BY' }, { title: 'SIZE', align: 'right' }, { title: 'PATH' }],
      files.map((file) => [
        file.id.slice(0, SHORT_ID),
        formatTime(file.deletedMs),
        nameOf(file.deletedBy),
        file.kind === EntryKind.DIRECTORY ? '–' : formatSize(file.size),
        file.kind === EntryKind.DIRECTORY ? `${file.path}/` : file.path,
      ]),
      context.terminal.dim,
    ),
  )
  if (more) context.terminal.print('There is more: say how much with --limit.')
}

/** Fails, after all that could be was brought back, when nobody has the content of some. */
export const restoreTrash = async (folder: string, ids: readonly string[], options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  const reply = await context.client.unary(methods.restoreTrash, { folder, ids: [...ids] })
  if (!reply.ok) return context.fail(reply.error)
  const { restored, missing, notRestored } = reply.value
  if (notRestored > 0) process.exitCode = 1
  if (context.json) return context.terminal.json(plainMessage(RestoreTrashResponseSchema, reply.value))
  const stays = missing.map((path) => `${path} stays in trash: nobody has its content any more`)
  const more = notRestored > missing.length ? [`… and ${notRestored - missing.length} more stay in trash`] : []
  const back = `${restored} ${restored === 1 ? 'entry' : 'entries'} brought back`
  context.terminal.print([back, ...stays, ...more].map(printable).join('\n'))
}

const activityLine = (entry: ActivityEntry): string =>
  entry.fromPath === '' ? entry.path : `${entry.fromPath} → ${entry.path}`

interface ActivityOptions extends CommonOptions {
  readonly device?: string
  readonly path?: string
  readonly from?: number
  readonly to?: number
  readonly limit?: number
}

export const listActivity = async (folder: string | undefined, options: ActivityOptions): Promise<void> => {
  const context = await openContext(options)
  const wanted = options.limit ?? SHOWN
  const entries: ActivityEntry[] = []
  let next = ''
  do {
    const request = {
      folder: folder ?? '',
      device: options.device ?? '',
      path: trimSlashes(options.path ?? ''),
      fromMs: BigInt(options.from ?? 0),
      toMs: BigInt(options.to ?? 0),
      after: next,
      limit: Math.min(1000, wanted - entries.length),
    }
    const reply = await context.client.unary(methods.listActivity, request)
    if (!reply.ok) return context.fail(reply.error)
    entries.push(...reply.value.entries)
    next = reply.value.next
  } while (next !== '' && entries.length < wanted)
  if (context.json)
    return context.terminal.json(
      plainMessage(ListActivityResponseSchema, { $typeName: 'lattice.v1.ListActivityResponse', entries, next }),
    )
  if (entries.length === 0) return context.terminal.print('Nothing was changed.')
  const [nameOf, folderOf] = await Promise.all([deviceNames(context), folderNames(context)])
  const columns = [{ title: 'WHEN' }, { title: 'DEVICE' }, { title: 'FOLDER' }, { title: 'CHANGE' }, { title: 'PATH' }]
  context.terminal.print(
    formatTable(
      columns,
      entries.map((entry) => [
        formatTime(entry.timeMs),
        nameOf(entry.device),
        folderOf(entry.storeId),
        entry.change,
        activityLine(entry),
      ]),
      context.terminal.dim,
    ),
  )
  if (next !== '') context.terminal.print('There is more: say how much with --limit.')
}
