/** Shuts the transport while it is quiet hours, and opens it when they end. */
import type { Timers } from '#sync/clock.ts'
import { quietAt, type QuietHours } from './quiet-hours.ts'

/** The clock is asked again at least this often: it may be set, and a machine may sleep past the moment. */
const LOOK_MS_MAX = 60_000

export interface QuietKeeping {
  readonly timers: Timers
  readonly hours: () => readonly QuietHours[]
  readonly gate: { shut(): void; reopen(): Promise<void> }
  /** Told when they begin and end. */
  readonly changed: (quiet: boolean) => void
  readonly report: (cause: unknown) => void
}

/** Acts at once, and whenever it is time. `look` again when the hours have changed. */
export const keepQuietHours = ({ timers, hours, gate, changed, report }: QuietKeeping) => {
  let isQuiet = false
  let cancel: (() => void) | undefined
  const look = (): void => {
    cancel?.()
    cancel = undefined
    const nowMs = timers.nowMs()
    const { quiet, changesAtMs } = quietAt(hours(), nowMs)
    if (changesAtMs !== undefined) cancel = timers.after(Math.min(changesAtMs - nowMs, LOOK_MS_MAX), look)
    if (quiet === isQuiet) return
    isQuiet = quiet
    if (quiet) gate.shut()
    else gate.reopen().catch(report)
    changed(quiet)
  }
  look()
  return { look, stop: () => cancel?.() }
}
