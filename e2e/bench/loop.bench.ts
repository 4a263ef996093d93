/**
 * How long the calls about files hold the event loop of a node, on a folder of very many: browsing now and then, what a
 * restoration would do, trash, activity, the timeline. Real LMDB, real files on a real disk.
 *
 *   node e2e/bench/loop.bench.ts [files, default 100000] [--json]
 *
 * `work` is the longest turn of the loop in ms of processor time, of those in which no garbage was collected; `turn` the
 * longest of all; `delay` the longest on the wall, which other programs on the machine stretch, collections most of all.
 * `total` is the processor time of all the calls.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay, PerformanceObserver, type PerformanceEntry } from 'node:perf_hooks'
import { create } from '@bufbuild/protobuf'
import {
  BrowseRequestSchema,
  GetTimelineRequestSchema,
  ListActivityRequestSchema,
  ListTrashRequestSchema,
  RestoreTrashRequestSchema,
  RestoreTreeRequestSchema,
} from '#proto/file_api'
import { lastMs, serviceOf, write } from '#daemon/node/files/testing.ts'
import { trashOp } from '#fs-bridge/filestore/ops.ts'
import { ROOT } from '#fs-bridge/filestore/values.ts'
import { openPair, type Device } from '#fs-bridge/folder/testing.ts'
import { must } from '#kernel/store/testkit.ts'

const PAGE = 2000
const CHANGES = 1000
const WRITTEN_AT_ONCE = 200

const isJson = process.argv.includes('--json')
const files = Number(process.argv.slice(2).find((argument) => argument !== '--json') ?? 100_000)

const never = (): AbortSignal => new AbortController().signal
const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

interface Figures {
  readonly work: number
  readonly turn: number
  readonly delay: number
  readonly total: number
  readonly calls: number
}
const all: Record<string, Figures> = {}

/** `fromMs`, `toMs`: on the wall, as collections of garbage are told. */
interface Turn {
  readonly fromMs: number
  readonly toMs: number
  readonly cpu: number
}

const longest = (turns: readonly Turn[]): number => turns.reduce((most, { cpu }) => Math.max(most, cpu), 0)

/** Turns shorter than this are of no interest. */
const NOTED_MS = 2

/** Looks at the clock of this thread once in every turn of the loop, until `act` is done. */
const turnsOf = async (
  act: () => Promise<number>,
): Promise<{ readonly turns: readonly Turn[]; readonly calls: number }> => {
  const turns: Turn[] = []
  let [last, fromMs] = [cpuMs(), performance.now()]
  let isOver = false
  const look = (): void => {
    const [now, toMs] = [cpuMs(), performance.now()]
    if (now - last > NOTED_MS) turns.push({ fromMs, toMs, cpu: now - last })
    ;[last, fromMs] = [now, toMs]
    if (!isOver) setImmediate(look)
  }
  setImmediate(look)
  const calls = await act()
  isOver = true
  await new Promise((resolve) => setImmediate(resolve))
  return { turns, calls }
}

const watched = async (what: string, act: () => Promise<number>): Promise<void> => {
  globalThis.gc?.()
  const collections: PerformanceEntry[] = []
  const observer = new PerformanceObserver((list) => collections.push(...list.getEntries()))
  observer.observe({ entryTypes: ['gc'] })
  const delays = monitorEventLoopDelay({ resolution: 1 })
  delays.enable()
  const start = cpuMs()
  const { turns, calls } = await turnsOf(act)
  const total = cpuMs() - start
  delays.disable()
  collections.push(...observer.takeRecords())
  observer.disconnect()
  const isClean = ({ fromMs, toMs }: Turn): boolean =>
    !collections.some(({ startTime, duration }) => startTime < toMs && startTime + duration > fromMs)
  const figures = { work: longest(turns.filter(isClean)), turn: longest(turns), delay: delays.max / 1e6, total, calls }
  all[what] = figures
  const columns = [figures.work, figures.turn, figures.delay, total].map((ms) => ms.toFixed(1).padStart(10)).join('')
  if (!isJson) console.log(`${what.padEnd(44)}${String(calls).padStart(7)}${columns}`)
}

/** Calls until there is no page more; `next` says where to go on. */
const paged = async (page: (after: string) => Promise<string | undefined>): Promise<number> => {
  let calls = 0
  for (let after: string | undefined = ''; after !== undefined; calls++) after = await page(after)
  return calls
}

type Service = ReturnType<typeof serviceOf>

const browsing = (service: Service, atMs: number) => () =>
  paged(async (after) => {
    const request = { folder: 'f', after, limit: PAGE, atMs: BigInt(atMs) }
    const { rows, more } = must(await service.browse(create(BrowseRequestSchema, request), never()))
    return more ? rows!.at(-1)!.name! : undefined
  })

const listingTrash = (service: Service) => () =>
  paged(async (after) => {
    const request = create(ListTrashRequestSchema, { folder: 'f', after, limit: PAGE })
    const page = must(await service.listTrash(request, never()))
    return page.more ? page.files!.at(-1)!.id! : undefined
  })

const following = (service: Service, options: object) => () =>
  paged(async (after) => {
    const request = create(ListActivityRequestSchema, { folder: 'f', after, limit: CHANGES, ...options })
    return must(await service.listActivity(request, never())).next || undefined
  })

const once = (call: () => Promise<unknown>) => async () => {
  await call()
  return 1
}

const measure = async (a: Device): Promise<void> => {
  for (let i = 0; i < files; i++) writeFileSync(join(a.root, `file-${String(i).padStart(6, '0')}.txt`), '')
  await a.open()
  await a.folder.settled(never())
  const full = lastMs(a)
  const service = serviceOf(a)
  await watched('browse, every page', browsing(service, 0))
  await a.folder.stop()
  const seen = [...a.tree.children(ROOT)]
  const half = seen.filter((_, i) => i % 2 === 0)
  for (let at = 0; at < half.length; at += WRITTEN_AT_ONCE)
    await write(
      a,
      half
        .slice(at, at + WRITTEN_AT_ONCE)
        .map(({ inode, name, content }) => trashOp(inode, 'file', { parent: ROOT, name }, content)),
    )
  const rest = lastMs(a)
  const restoring = (atMs: number) =>
    once(async () =>
      must(
        await service.restoreTree(
          create(RestoreTreeRequestSchema, { folder: 'f', atMs: BigInt(atMs), preview: true }),
          never(),
        ),
      ),
    )
  await watched('browse the past, every page', browsing(service, full))
  await watched('browse a little later', browsing(service, rest))
  await watched('preview of a restoration, nothing changed', restoring(rest))
  await watched('preview of a restoration, half was deleted', restoring(full))
  await watched('trash, every page', listingTrash(service))
  await watched(
    'restore from trash by the beginning of an id',
    once(() => service.restoreTrash(create(RestoreTrashRequestSchema, { folder: 'f', ids: ['ffff'] }), never())),
  )
  await watched('activity, every page', following(service, {}))
  await watched('activity of a path that was never', following(service, { path: 'nowhere' }))
  const { next } = must(
    await service.listActivity(create(ListActivityRequestSchema, { folder: 'f', limit: CHANGES }), never()),
  )
  const other = serviceOf(a)
  await watched(
    'activity, carried on by another reader',
    once(() =>
      other.listActivity(create(ListActivityRequestSchema, { folder: 'f', after: next!, limit: CHANGES }), never()),
    ),
  )
  await watched(
    'timeline',
    once(() => service.getTimeline(create(GetTimelineRequestSchema, { folder: 'f', buckets: 1000 }), never())),
  )
}

const pair = await openPair()
if (!isJson)
  console.log(
    `${files} files, half of them deleted later${' '.repeat(11)}calls      work      turn     delay     total`,
  )
try {
  await measure(pair.a)
} finally {
  rmSync(pair.a.root, { recursive: true })
  await pair[Symbol.asyncDispose]()
}
if (isJson) console.log(JSON.stringify({ files, calls: all }, undefined, 2))
