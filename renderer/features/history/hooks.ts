/** Reading a folder's past from the node, and bringing it back. */
import { useCallback, useEffect, useState } from 'react'
import { FileService, type ActivityEntry, type FileRow } from '#proto/file_api'
import { HistoryService } from '#proto/history_api'
import { failureOf, wasAborted, type Failure } from '../../present/failure.ts'
import { useClient } from '../../present/use-client.ts'
import {
  noPages,
  requestOf,
  withEntries,
  withRows,
  type Filter,
  type Pages,
  type Scrubber,
  type TreeRestoring,
} from './store.ts'
import { partOfTime, timelineOf, timeOfPart } from './timeline.ts'

const PARTS = 240

/** `version`: whatever changes when the folder does. The time looked at stays when the timeline grows. */
export function useScrubber(folder: string, version: string) {
  const client = useClient(FileService)
  const [scrubber, setScrubber] = useState<Scrubber>({ at: 'loading' })
  const [asked, setAsked] = useState(0)
  useEffect(() => {
    const stop = new AbortController()
    client.getTimeline({ folder, buckets: PARTS }, { signal: stop.signal }).then(
      (response) => {
        const timeline = timelineOf(response)
        setScrubber((before) => {
          if (timeline === undefined) return { at: 'empty' }
          const last = timeline.changes.length - 1
          const wasLast = before.at !== 'ready' || before.part === before.timeline.changes.length - 1
          const part = wasLast ? last : partOfTime(timeline, timeOfPart(before.timeline, before.part))
          return { at: 'ready', timeline, part }
        })
      },
      (thrown: unknown) => {
        if (!wasAborted(thrown, stop.signal)) setScrubber({ at: 'failed', why: failureOf(thrown) })
      },
    )
    return () => stop.abort()
  }, [client, folder, version, asked])
  const setPart = useCallback((part: number) => setScrubber((now) => (now.at === 'ready' ? { ...now, part } : now)), [])
  const reload = useCallback(() => setAsked((times) => times + 1), [])
  return { scrubber, setPart, reload }
}

/** Pages of something on demand; `ask` must be stable and starts from anew when it changes. */
function usePages<T>(ask: (pages: Pages<T>, after: string, signal: AbortSignal) => Promise<Pages<T>>) {
  const [pages, setPages] = useState<Pages<T>>(noPages)
  const load = useCallback(
    (before: Pages<T>, after: string, signal: AbortSignal) => {
      setPages({ at: 'loading', items: before.items })
      ask(before, after, signal).then(
        (next) => {
          if (!signal.aborted) setPages(next)
        },
        (thrown: unknown) => {
          if (!wasAborted(thrown, signal)) setPages({ at: 'failed', items: before.items, why: failureOf(thrown) })
        },
      )
    },
    [ask],
  )
  const [stop, setStop] = useState<AbortController>()
  useEffect(() => {
    const controller = new AbortController()
    setStop(controller)
    load(noPages, '', controller.signal)
    return () => controller.abort()
  }, [load])
  const more = useCallback(() => {
    if (pages.at === 'loaded' && pages.next !== '' && stop !== undefined) load(pages, pages.next, stop.signal)
  }, [pages, stop, load])
  return { pages, more }
}

const ROWS_A_PAGE = 500

/** One directory as it was. */
export function usePast(folder: string, path: string, atMs: number) {
  const client = useClient(FileService)
  return usePages<FileRow>(
    useCallback(
      async (pages, after, signal) =>
        withRows(
          pages,
          await client.browse({ folder, path, after, limit: ROWS_A_PAGE, atMs: BigInt(atMs) }, { signal }),
        ),
      [client, folder, path, atMs],
    ),
  )
}

export function useActivity(folder: string, filter: Filter, version: string) {
  const client = useClient(FileService)
  return usePages<ActivityEntry>(
    useCallback(
      async (pages, after, signal) =>
        withEntries(pages, await client.listActivity({ folder, after, ...requestOf(filter) }, { signal })),
      // The version is no part of the question: a new one asks again.
      [client, folder, filter, version],
    ),
  )
}

/** Restoring a directory (with a preview first) or one file. */
export function useRestore(folder: string) {
  const files = useClient(FileService)
  const history = useClient(HistoryService)
  const [tree, setTree] = useState<TreeRestoring>({ at: 'idle' })
  const [file, setFile] = useState<{ at: 'idle' } | { at: 'done'; path: string } | { at: 'failed'; why: Failure }>({
    at: 'idle',
  })
  const preview = async (path: string, atMs: number): Promise<void> => {
    setTree({ at: 'previewing', path, atMs })
    try {
      const response = await files.restoreTree({ folder, path, atMs: BigInt(atMs), preview: true })
      setTree({ at: 'asking', path, atMs, preview: response })
    } catch (thrown) {
      setTree({ at: 'failed', why: failureOf(thrown) })
    }
  }
  const confirm = async (): Promise<void> => {
    if (tree.at !== 'asking') return
    const { path, atMs } = tree
    setTree({ ...tree, at: 'restoring' })
    try {
      setTree({ at: 'done', done: await files.restoreTree({ folder, path, atMs: BigInt(atMs) }) })
    } catch (thrown) {
      setTree({ at: 'failed', why: failureOf(thrown) })
    }
  }
  /** `path`: absolute. */
  const restoreFile = async (path: string, atMs: number): Promise<void> => {
    try {
      const { version } = await history.restoreVersion({ path, at: { case: 'timeMs', value: BigInt(atMs) } })
      setFile({ at: 'done', path: version?.path ?? path })
    } catch (thrown) {
      setFile({ at: 'failed', why: failureOf(thrown) })
    }
  }
  return { tree, file, preview, confirm, dismiss: () => setTree({ at: 'idle' }), restoreFile }
}
