/** `history`, `restore`. */
import { statSync } from 'node:fs'
import { FileService, RestoreTreeResponseSchema, type RestoreTreeResponse } from '#proto/file_api'
import { HistoryService, type RestoreVersionRequest } from '#proto/history_api'
import { bytesToHex } from '#kernel/core/bytes.ts'
import { latticeError } from '#kernel/core/result.ts'
import { absolutePath, openContext, type CommonOptions, type Context } from '../context.ts'
import { formatCount, formatSize, formatTable, formatTime, parseTime, printable } from '../format.ts'
import { plainMessage } from '../plain.ts'

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

/** Whether a path is a directory, or, where nothing is now, was one at the time. */
const isDirectory = async (context: Context, path: string, timeMs: number): Promise<boolean> => {
  const now = statSync(path, { throwIfNoEntry: false })
  if (now) return now.isDirectory()
  const request = { path, atMs: BigInt(timeMs), limit: 1 }
  return (await context.client.unary(FileService.method.browse, request)).ok
}

const things = (count: number): string => `${formatCount(count)} ${count === 1 ? 'entry' : 'entries'}`

const describeTree = (path: string, timeMs: number, preview: boolean, reply: RestoreTreeResponse): string => {
  const { restored, reverted, moved, removed, missing, sample } = reply
  const parts = [
    restored && `${things(restored)} brought back`,
    reverted && `${things(reverted)} with older content`,
    moved && `${things(moved)} moved back`,
    removed && `${things(removed)} put to trash`,
  ].filter((part) => part !== 0)
  const title =
    parts.length === 0 && missing.length === 0
      ? `${path} is as it was on ${formatTime(timeMs)}`
      : `${preview ? 'would restore' : 'restored'} ${path} as of ${formatTime(timeMs)}: ${parts.join(', ') || 'nothing'}`
  return [
    title,
    ...(preview ? sample.map((each) => `  ${each}`) : []),
    ...missing.map((each) => `  ${each} stays as it is: nobody has that content any more`),
  ]
    .map(printable)
    .join('\n')
}

interface RestoreOptions extends CommonOptions {
  readonly at: string
  readonly dryRun?: boolean
}

export const restore = async (given: string, options: RestoreOptions): Promise<void> => {
  const context = await openContext(options)
  const path = absolutePath(given)
  const timeMs = parseTime(options.at)
  const preview = options.dryRun === true
  if (timeMs === undefined && !/^[0-9a-fA-F]{4,64}$/.test(options.at))
    return context.fail(
      latticeError('bad-request', 'permanent', `“${options.at}” is neither a time nor the hash of a version`),
    )
  if (timeMs !== undefined && (preview || (await isDirectory(context, path, timeMs)))) {
    const request = { path, atMs: BigInt(timeMs), preview }
    const reply = await context.client.unary(FileService.method.restoreTree, request)
    if (!reply.ok) return context.fail(reply.error)
    // Something could not be brought back: no success, whatever else was done.
    if (reply.value.missing.length > 0) process.exitCode = 1
    if (context.json) context.terminal.json(plainMessage(RestoreTreeResponseSchema, reply.value))
    else context.terminal.print(describeTree(given, timeMs, preview, reply.value))
    return
  }
  if (preview) return context.fail(latticeError('bad-request', 'permanent', 'a dry run needs a time to go back to'))
  const at: RestoreVersionRequest['at'] =
    timeMs === undefined ? { case: 'hash', value: options.at.toLowerCase() } : { case: 'timeMs', value: BigInt(timeMs) }
  await context.call(
    HistoryService.method.restoreVersion,
    { path, at },
    ({ version }) =>
      version && `${version.path} is again as ${version.deviceName} left it on ${formatTime(version.timeMs)}`,
  )
}
