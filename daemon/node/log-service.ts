/** Reading the log: what is kept, and what comes after it. */
import { LogLevel as WireLevel, type NodeService } from '#proto/node_api'
import { ok } from '#kernel/core/result.ts'
import type { ServiceApi } from '../rpc/port.ts'
import { textOf, type LogEntry, type LogLevel, type NodeLog } from './log.ts'

/** Lines a message. */
const PAGE = 500

const WIRE_LEVELS: Readonly<Record<LogLevel, WireLevel>> = {
  info: WireLevel.INFO,
  warning: WireLevel.WARNING,
  error: WireLevel.ERROR,
}

const isWanted = ({ level }: LogEntry, least: WireLevel): boolean => WIRE_LEVELS[level] >= least

const written = (log: NodeLog, from: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (log.next > from || signal.aborted) return resolve()
    const end = (): void => {
      unsubscribe()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const unsubscribe = log.subscribe(end)
    signal.addEventListener('abort', end, { once: true })
  })

/** A reader who is slower than the log misses lines rather than holding them: they are in the file. */
export const logCalls = (log: NodeLog, stopped: AbortSignal): Pick<ServiceApi<typeof NodeService>, 'readLogs'> => ({
  async *readLogs({ follow, level }, gone) {
    const signal = AbortSignal.any([gone, stopped])
    for (let from = 0; !signal.aborted;) {
      const entries = log.since(from, PAGE)
      from = (entries.at(-1)?.sequence ?? from - 1) + 1
      const lines = entries
        .filter((entry) => isWanted(entry, level))
        .map(({ timeMs, level: each, pieces }) => ({
          timeMs: BigInt(timeMs),
          level: WIRE_LEVELS[each],
          text: textOf(pieces),
        }))
      if (lines.length > 0) yield ok({ lines })
      if (log.next > from) continue
      if (!follow) return
      await written(log, from, signal)
    }
  },
})
