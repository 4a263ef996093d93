/** `storage`, `logs`, `diagnostics` and `web`: what the node takes, says and shows of itself. */
import { writeFileSync } from 'node:fs'
import { LogLevel, LogLineSchema, NodeService, type GetStorageUseResponse, type LogLine } from '#proto/node_api'
import { bytesToHex } from '#kernel/core/bytes.ts'
import { latticeError } from '#kernel/core/result.ts'
import { readWebAddress } from '../../web/address.ts'
import { absolutePath, openContext, type CommonOptions } from '../context.ts'
import { formatSize, formatTable, formatTime, printable } from '../format.ts'
import { plainMessage } from '../plain.ts'
import type { Terminal } from '../terminal.ts'

const describeUse = (use: GetStorageUseResponse, names: ReadonlyMap<string, string>, terminal: Terminal): string => {
  const lines = [
    `database ${formatSize(use.databaseBytes)}, chunks outside the folders ${formatSize(use.chunkBytes)}`,
    terminal.dim(`${formatSize(use.diskFreeBytes)} of ${formatSize(use.diskBytes)} are free where the home is`),
  ]
  if (use.folders.length === 0) return lines.join('\n')
  const rows = use.folders.map(({ storeId, fileBytes, trashBytes, diskFreeBytes }) => {
    const id = bytesToHex(storeId)
    return [names.get(id) ?? id.slice(0, 12), ...[fileBytes, trashBytes, diskFreeBytes].map(formatSize)]
  })
  const columns = [
    { title: 'FOLDER' },
    ...['FILES', 'TRASH', 'FREE'].map((title) => ({ title, align: 'right' as const })),
  ]
  return [...lines, '', formatTable(columns, rows, terminal.dim)].join('\n')
}

export const showStorage = async (options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  const status = await context.client.unary(NodeService.method.getStatus, {})
  if (!status.ok) return context.fail(status.error)
  const names = new Map(status.value.folders.map(({ storeId, name }) => [bytesToHex(storeId) as string, name]))
  await context.call(NodeService.method.getStorageUse, {}, (use) => describeUse(use, names, context.terminal))
}

const LEVELS = { info: LogLevel.INFO, warning: LogLevel.WARNING, error: LogLevel.ERROR }
export type LevelWord = keyof typeof LEVELS

const describeLine = ({ timeMs, level, text }: LogLine, terminal: Terminal): string => {
  const time = terminal.dim(formatTime(timeMs))
  if (level === LogLevel.ERROR) return `${time} ${terminal.red('error')} ${printable(text)}`
  return `${time} ${level === LogLevel.WARNING ? `${terminal.yellow('warning')} ` : ''}${printable(text)}`
}

/** With `--json` one line of JSON for each line of the log. */
export const showLogs = async (
  options: CommonOptions & { readonly follow?: boolean; readonly level: LevelWord },
): Promise<void> => {
  const { client, json, terminal, fail } = await openContext(options)
  const request = { follow: options.follow === true, level: LEVELS[options.level] }
  for await (const reply of client.stream(NodeService.method.readLogs, request)) {
    if (!reply.ok) return fail(reply.error)
    for (const line of reply.value.lines)
      if (json) terminal.json(plainMessage(LogLineSchema, line))
      else terminal.print(describeLine(line, terminal))
  }
}

/** Into a file of that name, or one called by date; `-`: to standard output. */
export const exportDiagnostics = async (path: string | undefined, options: CommonOptions): Promise<void> => {
  const { client, json, terminal, fail } = await openContext(options)
  const reply = await client.unary(NodeService.method.exportDiagnostics, {})
  if (!reply.ok) return fail(reply.error)
  const { file, name } = reply.value
  if (path === '-') return terminal.print(Buffer.from(file).toString('utf8').trimEnd())
  const target = absolutePath(path ?? name)
  try {
    // A file that is there already is someone's.
    writeFileSync(target, file, { mode: 0o600, flag: 'wx' })
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const why = code === 'EEXIST' ? 'it is there already' : (code ?? 'unknown reason')
    return fail(latticeError('file-unwritable', 'permanent', `cannot write ${target}: ${why}`))
  }
  if (json) terminal.json({ file: target })
  else terminal.print(target)
}

/** The address of the web UI with its token, alone on a line. */
export const printWebAddress = async (options: CommonOptions): Promise<void> => {
  const { client, home, json, terminal, fail } = await openContext(options)
  const status = await client.unary(NodeService.method.getStatus, {})
  if (!status.ok) return fail(status.error)
  const address = readWebAddress(home)
  if (!address.ok) return fail(address.error)
  if (json) terminal.json({ url: address.value })
  else terminal.print(address.value)
}
