/** `conflicts`, `conflict show`, `conflict resolve`, `conflict undo`. */
import {
  ConflictService,
  GetConflictResponseSchema,
  ListConflictsResponseSchema,
  type ConflictHead,
  type ConflictInfo,
  type ConflictSide,
  type GetConflictResponse,
  type ResolveConflictRequest,
} from '#proto/conflict_api'
import { bytesToHex, decodeUtf8 } from '#kernel/core/bytes.ts'
import { err, latticeError, ok, type LatticeError, type Result } from '#kernel/core/result.ts'
import { absolutePath, openContext, type CommonOptions, type Context } from '../context.ts'
import { formatSize, formatTable, formatTime, printable } from '../format.ts'
import { plainMessage } from '../plain.ts'
import type { Terminal } from '../terminal.ts'

const SHORT_HASH = 12
const PAGE = 2000
/** What a person is shown who does not say how many. */
const SHOWN = 100
/** Longer texts are no use on a terminal, and take long to compare. */
const SHOWN_BYTES_MAX = 256 * 1024

const indent = (text: string): string =>
  text
    .split('\n')
    .map((line) => `  ${line}`.trimEnd())
    .join('\n')

/** A place, a directory and a symlink have none. */
const hasSize = ({ place, directory, target }: ConflictHead): boolean => !directory && place === '' && target === ''

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
      head.deleted ? 'deleted' : hasSize(head) ? formatSize(head.size) : '–',
      printable(head.place || (head.target === '' ? head.name : `${head.name} → ${head.target}`)),
    ]),
    terminal.dim,
  )
  return `${terminal.bold(printable(`${conflict.folder}/${conflict.path}`))}  ${conflict.id}\n${indent(heads)}`
}

/** `--json`: all, or as many as asked for, as one reply. */
export const listConflicts = async (
  options: CommonOptions & { folder?: string; limit?: number; after?: string },
): Promise<void> => {
  const context = await openContext(options)
  const { terminal } = context
  const wanted = options.limit ?? (context.json ? Infinity : SHOWN)
  const conflicts: ConflictInfo[] = []
  let next = options.after ?? ''
  let total: bigint
  do {
    const request = { folder: options.folder ?? '', after: next, limit: Math.min(PAGE, wanted - conflicts.length) }
    const reply = await context.client.unary(ConflictService.method.listConflicts, request)
    if (!reply.ok) return context.fail(reply.error)
    conflicts.push(...reply.value.conflicts)
    ;({ next, total } = reply.value)
  } while (next !== '' && conflicts.length < wanted)
  if (context.json) {
    const all = { $typeName: ListConflictsResponseSchema.typeName, conflicts, next, total }
    return terminal.json(plainMessage(ListConflictsResponseSchema, all))
  }
  if (conflicts.length === 0) return terminal.print('No conflicts.')
  terminal.print(conflicts.map((conflict) => describeConflict(conflict, terminal)).join('\n\n'))
  if (next !== '')
    terminal.note(`${conflicts.length} of ${total} conflicts; --limit shows more, --after ${next} the next`)
}

const describeSides = ({ sides, base }: GetConflictResponse, terminal: Terminal): string =>
  formatTable(
    [{ title: 'SIDE' }, { title: 'TYPE' }, { title: 'SIZE', align: 'right' }, { title: '' }],
    [...sides, ...(base ? [base] : [])].map((side) => [
      side === base ? 'before' : bytesToHex(side.hash).slice(0, SHORT_HASH),
      side.type || '–',
      formatSize(side.size),
      [
        side.here ? '' : 'no connected device has it',
        side.writtenBy.length > 0 ? `written by ${side.writtenByName}, ${formatTime(side.writtenMs)}` : '',
      ]
        .filter((word) => word !== '')
        .join('; '),
    ]),
    terminal.dim,
  )

const isShown = ({ type, size, here }: ConflictSide): boolean =>
  here && type.startsWith('text/') && size <= BigInt(SHOWN_BYTES_MAX)

const readText = async (context: Context, id: string, side: ConflictSide): Promise<Result<string, LatticeError>> => {
  const pieces: Uint8Array[] = []
  for await (const reply of context.client.stream(ConflictService.method.readSide, { id, hash: side.hash })) {
    if (!reply.ok) return reply
    pieces.push(reply.value.data)
  }
  const text = decodeUtf8(Buffer.concat(pieces))
  return text === undefined ? err(latticeError('bad-content', 'permanent', 'a side is no text')) : ok(text)
}

/** What differs, line by line; empty where that cannot be shown. */
const compareTexts = async (
  context: Context,
  { conflict, sides, base }: GetConflictResponse,
): Promise<Result<string, LatticeError>> => {
  const [one, two] = sides
  if (!conflict || !one || !two || sides.length !== 2 || !isShown(one) || !isShown(two)) return ok('')
  const first = await readText(context, conflict.id, one)
  if (!first.ok) return first
  const second = await readText(context, conflict.id, two)
  if (!second.ok) return second
  const before = base && isShown(base) ? await readText(context, conflict.id, base) : ok(undefined)
  if (!before.ok) return before
  const { threeWay } = await import('../three-way.ts')
  const names = conflict.heads.map((head) => head.deviceName) as [string, string]
  return ok(threeWay({ first: first.value, second: second.value, base: before.value }, names))
}

export const showConflict = async (id: string, options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  const { terminal } = context
  const reply = await context.client.unary(ConflictService.method.getConflict, { id })
  if (!reply.ok) return context.fail(reply.error)
  if (context.json) return terminal.json(plainMessage(GetConflictResponseSchema, reply.value))
  const text = await compareTexts(context, reply.value)
  if (!text.ok) return context.fail(text.error)
  terminal.print(
    [describeConflict(reply.value.conflict!, terminal), indent(describeSides(reply.value, terminal)), text.value]
      .filter((part) => part !== '')
      .join('\n\n'),
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
  await context.call(
    ConflictService.method.resolveConflict,
    { id, resolution },
    ({ path, undo }) =>
      `${printable(path)} is settled` + (undo === '' ? '' : `; to take that back: lattice conflict undo ${undo}`),
  )
}

export const undoResolution = async (undo: string, options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  await context.call(ConflictService.method.undoResolution, { undo }, ({ id }) => `the conflict ${id} is back`)
}
