/** `store list|log|rebuild|branch`. */
import { StoreLogEntrySchema, StoreService, type InspectBranchResponse, type StoreLogEntry } from '#proto/store_api'
import { bytesToHex, equalBytes } from '#kernel/core/bytes.ts'
import { openContext, type CommonOptions } from '../context.ts'
import { formatCount, formatTable, formatTime, printable } from '../format.ts'
import { plainMessage } from '../plain.ts'

const SHORT_HASH = 12
const methods = StoreService.method

export const listStores = async (options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  await context.call(methods.listStores, {}, ({ stores }) =>
    formatTable(
      [
        { title: 'STORE' },
        { title: 'TYPE' },
        { title: 'NAME' },
        { title: 'INTENTIONS', align: 'right' },
        { title: 'PEERS', align: 'right' },
      ],
      stores.map((store) => [
        bytesToHex(store.id).slice(0, SHORT_HASH),
        store.type,
        store.name,
        formatCount(store.intentions),
        formatCount(store.peers),
      ]),
      context.terminal.dim,
    ),
  )
}

const logLine = (entry: StoreLogEntry): string =>
  [
    `${entry.witnessSeq}`.padStart(6),
    bytesToHex(entry.hash).slice(0, SHORT_HASH),
    formatTime(entry.timeMs),
    `${printable(entry.authorName)}#${entry.seq}`,
    (entry.excluded ? '(excluded) ' : '') + printable(entry.sexpr || entry.summary),
  ].join('  ')

interface LogOptions extends CommonOptions {
  readonly author?: string
  readonly from?: number
  readonly to?: number
  readonly sexpr?: boolean
}

/** With `--json` one object a line. */
export const readLog = async (store: string, options: LogOptions): Promise<void> => {
  const context = await openContext(options)
  const request = {
    store,
    author: options.author ?? '',
    fromMs: BigInt(options.from ?? 0),
    toMs: BigInt(options.to ?? 0),
    sexpr: options.sexpr ?? false,
  }
  for await (const reply of context.client.stream(methods.readLog, request)) {
    if (!reply.ok) return context.fail(reply.error)
    for (const entry of reply.value.entries)
      if (context.json) context.terminal.json(plainMessage(StoreLogEntrySchema, entry))
      else context.terminal.print(logLine(entry))
  }
}

export const rebuildStores = async (store: string | undefined, options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  await context.call(methods.rebuildStores, { store: store ?? '' }, ({ stores }) =>
    stores
      .map((s) => `${s.name}: ${formatCount(s.intentions)} intentions folded, changed: ${s.changed ? 'yes' : 'no'}`)
      .join('\n'),
  )
}

const describeBranches = ({ fork, branches, joined, taken, heads }: InspectBranchResponse): string => {
  const rankOf = (hash: Uint8Array): number => heads.findIndex((head) => equalBytes(head, hash))
  const joinedLine = (entry: StoreLogEntry): string => {
    const rank = heads.length > 1 ? rankOf(entry.hash) : -1
    return `  ${logLine(entry)}${rank < 0 ? '' : `  (brought back: head ${rank + 1}${rank === 0 ? ', wins' : ''})`}`
  }
  return [
    fork.length === 0
      ? 'no common past'
      : `forks after ${fork.map((hash) => bytesToHex(hash).slice(0, SHORT_HASH)).join(', ')}`,
    ...branches.flatMap((branch, i) => [
      joined.length > 0
        ? `branch ${i + 1}${branch.head && equalBytes(branch.head.hash, taken) ? ' (taken)' : ''}`
        : `head ${i + 1}${i === 0 ? ' (wins)' : ''}${branch.deleted ? ', deleted' : ''}`,
      ...branch.path.map((entry) => `  ${logLine(entry)}`),
    ]),
    ...(joined.length > 0 ? [taken.length > 0 ? 'settled by' : 'joined by', ...joined.map(joinedLine)] : []),
  ].join('\n')
}

export const inspectBranch = async (store: string, key: string, options: CommonOptions): Promise<void> => {
  const context = await openContext(options)
  await context.call(methods.inspectBranch, { store, key }, describeBranches)
}
