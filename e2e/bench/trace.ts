/**
 * What a Chromium trace says of the main thread of one page: how long it was busy for each frame, on the wall and in
 * processor time. The latter is what the page itself costs; other programs on the machine stretch the former alone.
 */

/** Recorded for `readTrace`. */
export const CATEGORIES = [
  'devtools.timeline',
  'disabled-by-default-devtools.timeline',
  'disabled-by-default-devtools.timeline.frame',
]

interface TraceEvent {
  readonly name: string
  readonly ph: string
  readonly pid: number
  readonly tid: number
  /** In µs, as `dur` on the wall and `tdur` of the processor. */
  readonly ts: number
  readonly dur?: number
  readonly tdur?: number
  readonly args: { readonly name?: string }
}

/** In ms. */
export interface Span {
  readonly wall: number
  readonly cpu: number
}

export interface Figures {
  readonly frames: number
  /** The longest single task. */
  readonly worstTask: Span
  /** All tasks from one frame to the next, input included: the longest, and what 99 of 100 stay under. */
  readonly worstFrame: Span
  readonly p99Frame: Span
  /** All frames together, by their number. */
  readonly meanFrame: Span
  /** Frames the main thread was busy with for more than `FRAME_MAX_MS`. */
  readonly longFrames: Span
  /** Of all frames of the compositor. */
  readonly droppedFrames: number
  readonly drawnFrames: number
}

export const FRAME_MAX_MS = 50

const MICROSECONDS = 1000

const largest = (spans: readonly Span[], of: keyof Span, part = 1): number => {
  const sorted = spans.map((span) => span[of]).sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? 0
}

const both = (take: (of: keyof Span) => number): Span => ({ wall: take('wall'), cpu: take('cpu') })

const sum = (spans: readonly Span[], of: keyof Span): number => spans.reduce((total, span) => total + span[of], 0)

/** The main thread of the renderer that was busiest: there is one page, and perhaps a spare renderer. */
const mainThread = (events: readonly TraceEvent[]): readonly TraceEvent[] => {
  const mains = events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain')
  const threads = mains.map(({ pid, tid }) => events.filter((event) => event.pid === pid && event.tid === tid))
  return threads.reduce((busiest, thread) => (thread.length > busiest.length ? thread : busiest), [])
}

/** Tasks gathered by the frame they come before or make; what comes after the last frame belongs to none. */
const framesOf = (thread: readonly TraceEvent[], tasks: readonly TraceEvent[]): readonly Span[] => {
  const starts = thread.filter(({ name }) => name === 'BeginMainThreadFrame').map(({ ts }) => ts)
  const frames = starts.map(() => ({ wall: 0, cpu: 0 }))
  let at = 0
  for (const { ts, dur = 0, tdur = 0 } of tasks) {
    // The task that makes a frame says so within itself.
    while (at < starts.length && starts[at]! < ts) at++
    const frame = frames[at]
    if (frame === undefined) break
    frame.wall += dur / MICROSECONDS
    frame.cpu += tdur / MICROSECONDS
  }
  return frames
}

export const readTrace = (json: Buffer): Figures => {
  const { traceEvents: events } = JSON.parse(json.toString()) as { traceEvents: readonly TraceEvent[] }
  const thread = mainThread(events)
  const tasks = thread.filter(({ name, ph }) => name === 'RunTask' && ph === 'X').toSorted((a, b) => a.ts - b.ts)
  const single = tasks.map(({ dur = 0, tdur = 0 }) => ({ wall: dur / MICROSECONDS, cpu: tdur / MICROSECONDS }))
  const frames = framesOf(thread, tasks)
  const count = (wanted: string): number => events.filter(({ name }) => name === wanted).length
  return {
    frames: frames.length,
    worstTask: both((of) => largest(single, of)),
    worstFrame: both((of) => largest(frames, of)),
    p99Frame: both((of) => largest(frames, of, 0.99)),
    meanFrame: both((of) => sum(frames, of) / Math.max(1, frames.length)),
    longFrames: both((of) => frames.filter((frame) => frame[of] > FRAME_MAX_MS).length),
    droppedFrames: count('DroppedFrame'),
    drawnFrames: count('DrawFrame'),
  }
}
