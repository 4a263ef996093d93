/** `conflicts`, `conflict resolve`, `history`, `restore`. */
import { ConflictService, type ConflictInfo, type ResolveConflictRequest } from '#proto/conflict_api'
import { HistoryService, type RestoreVersionRequest } from '#proto/history_api'
import { bytesToHex } from '#kernel/core/bytes.ts'
import { latticeError } from '#kernel/core/result.ts'
import { absolutePath, openContext, type CommonOptions } from '../context.ts'
import { formatSize, formatTable, formatTime, parseTime, printable } from '../format.ts'
import type { Terminal } from '../terminal.ts'

const SHORT_HASH = 12

const describeConflict = (conflict: ConflictInfo, terminal: Terminal): string => {
  const heads = formatTable(
    [
      { title: 'HEAD' },
      { title: 'DEVICE' },
      { title: 'WHEN' },
      { title: 'SIZE', align: 'right' },
      { title: 'SEEN AS' },
    ],
    conflict.heads.map((head) => [
      bytesToHex(head.hash).slice(0, SHORT_HASH),
      head.deviceName,
      formatTime(head.timeMs),
      head.deleted ? 'deleted' : formatSize(head.size),
      head.name,
    ]),
    terminal.dim,
  )
  const title = `${terminal.bold(printable(`${conflict.folder}/${conflict.path}`))}  ${conflict.id}`
  return [title, ...heads.split('\n').map((line) => `  ${line}`)].join('\n')
}

export const listConflicts = async (options: CommonOptions & { folder?: string }): Promise<void> => {
  const context = await openContext(options)
  await context.call(ConflictService.method.listConflicts, { folder: options.folder ?? '' }, ({ conflicts }) =>
    conflicts.length === 0
      ? 'No conflicts.'
      : conflicts.map((conflict) => describeConflict(conflict, context.terminal)).join('\n\n'),
  )
}

interface ResolveOptions extends CommonOptions {
  readonly take?: string
  readonly both?: boolean
  readonly merged?: string
}

/** Undefined unless exactly one way was named. */
const resolutionOf = ({ take, both, merged }: ResolveOptions): ResolveConflictRequest['resolution'] | undefined => {
  const ways: ResolveConflictRequest['resolution'][] = []
  if (take !== undefined) ways.push({ case: 'take', value: take })
  if (both) ways.push({ case: 'both', value: true })
  if (merged !== undefined) ways.push({ case: 'mergedFile', value: absolutePath(merged) })
  return ways.length === 1 ? ways[0] : undefined
}

export const resolveConflict = async (id: string, options: ResolveOptions): Promise<void> => {
  const context = await openContext(options)
  const resolution = resolutionOf(options)
  if (!resolution)
    return context.fail(latticeError('bad-request', 'permanent', 'say how: --take HEAD, --both or --merged FILE'))
  await context.call(ConflictService.method.resolveConflict, { id, resolution }, ({ path }) => `${path} is settled`)
}

export const listHistory = async (path: string, options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  await context.call(HistoryService.method.listVersions, { path: absolutePath(path) }, ({ versions }) =>
    formatTable(
      [
        { title: 'VERSION' },
        { title: 'WHEN' },
        { title: 'DEVICE' },
        { title: 'CHANGE' },
        { title: 'SIZE', align: 'right' },
        { title: 'CONTENT' },
      ],
      versions.map((version) => [
        bytesToHex(version.hash).slice(0, SHORT_HASH),
        formatTime(version.timeMs),
        version.deviceName,
        version.change + (version.current ? ' (current)' : ''),
        formatSize(version.size),
        bytesToHex(version.content).slice(0, SHORT_HASH) || '–',
      ]),
      context.terminal.dim,
    ),
  )
}

export const restore = async (path: string, options: CommonOptions & { at: string }): Promise<void> => {
  const context = await openContext(options)
  const timeMs = parseTime(options.at)
  if (timeMs === undefined && !/^[0-9a-fA-F]{4,64}$/.test(options.at))
    return context.fail(
      latticeError('bad-request', 'permanent', `“${options.at}” is neither a time nor the hash of a version`),
    )
  const at: RestoreVersionRequest['at'] =
    timeMs === undefined ? { case: 'hash', value: options.at.toLowerCase() } : { case: 'timeMs', value: BigInt(timeMs) }
  await context.call(
    HistoryService.method.restoreVersion,
    { path: absolutePath(path), at },
    ({ version }) =>
      version && `${version.path} is again as ${version.deviceName} left it on ${formatTime(version.timeMs)}`,
  )
}
