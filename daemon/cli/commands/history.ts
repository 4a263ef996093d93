/** `history`, `restore`. */
import { HistoryService, type RestoreVersionRequest } from '#proto/history_api'
import { bytesToHex } from '#kernel/core/bytes.ts'
import { latticeError } from '#kernel/core/result.ts'
import { absolutePath, openContext, type CommonOptions } from '../context.ts'
import { formatSize, formatTable, formatTime, parseTime } from '../format.ts'

const SHORT_HASH = 12

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
