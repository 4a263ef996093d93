/** Reading directories, versions and trash from the node, and restoring from them. */
import { useCallback, useEffect, useRef, useState } from 'react'
import { FileService, type TrashedFile } from '#proto/file_api'
import { HistoryService, type FileVersion } from '#proto/history_api'
import { failureOf, wasAborted, type Failure } from '../../present/failure.ts'
import { toHex } from '../../present/format.ts'
import { useClient } from '../../present/use-client.ts'
import { useNode } from '../../state/node-store.ts'
import { cursorOf, dueIn, failed, isDrawn, isTouched, nothingYet, reading, received, type Listing } from './listing.ts'

/** Rows asked for at once: the first page small, so that something shows; the others no longer than a frame can read. */
const FIRST_PAGE = 200
const NEXT_PAGE = 500

/** Counts how often something in a directory may have come to look different. `storeId`: of the folder, in hex. */
function useTouches(storeId: string, path: string): number {
  const [touches, setTouches] = useState(0)
  useEffect(
    () =>
      useNode.subscribe(({ facts }, { facts: before }) => {
        if (facts === undefined || facts === before) return
        const { status, touched } = facts
        const isNews = touched !== before?.touched && touched !== undefined && toHex(touched.storeId) === storeId
        // With a snapshot everything is new.
        if (status !== before?.status || (isNews && isTouched(touched, path))) setTouches((times) => times + 1)
      }),
    [storeId, path],
  )
  return touches
}

/**
 * All rows of a directory, page by page in the background. However many changes come while rows are read and in the
 * pause after it, one more reading follows them all. `storeId`: of the folder, in hex.
 */
export function useListing(folder: string, path: string, storeId: string) {
  const client = useClient(FileService)
  const version = useTouches(storeId, path)
  const [listing, setListing] = useState<Listing>(nothingYet)
  const [started, setStarted] = useState(0)
  const reload = useCallback(() => setStarted((times) => times + 1), [])
  const place = `${folder}\n${path}`
  // What was read last: transitions start from here, because what React shows may lag behind.
  const kept = useRef({ place, listing: nothingYet })
  const latest = useRef(version)
  const readVersion = useRef(version)
  const lastRead = useRef({ fromMs: 0, toMs: 0 })
  latest.current = version

  useEffect(() => {
    const stop = new AbortController()
    let drawn: Listing | undefined
    const keep = (next: Listing): void => {
      kept.current = { place, listing: next }
      if (drawn !== undefined && !isDrawn(next, drawn)) return
      drawn = next
      setListing(next)
    }
    const read = async (): Promise<void> => {
      readVersion.current = latest.current
      const fromMs = performance.now()
      keep(kept.current.place === place ? reading(kept.current.listing) : nothingYet)
      let limit = FIRST_PAGE
      for (let after = cursorOf(kept.current.listing); after !== undefined; after = cursorOf(kept.current.listing)) {
        const page = await client.browse({ folder, path, after, limit }, { signal: stop.signal })
        if (stop.signal.aborted) return
        keep(received(kept.current.listing, page))
        limit = NEXT_PAGE
        lastRead.current = { fromMs, toMs: performance.now() }
      }
    }
    read().catch((thrown: unknown) => {
      if (!wasAborted(thrown, stop.signal)) keep(failed(kept.current.listing, failureOf(thrown)))
    })
    return () => stop.abort()
  }, [client, folder, path, place, started])

  // What could not be read is tried again as well: a directory may be back by then.
  const isAtRest = listing.at === 'whole' || listing.at === 'failed'
  useEffect(() => {
    if (!isAtRest || readVersion.current === version) return
    const timer = setTimeout(reload, dueIn(lastRead.current, performance.now()))
    return () => clearTimeout(timer)
  }, [isAtRest, version, reload])
  return { listing, reload }
}

export type Loaded<T> = { at: 'loading' } | { at: 'failed'; why: Failure } | { at: 'loaded'; items: readonly T[] }

/** What became of a restoration. */
export type Restoring =
  | { at: 'idle' }
  | { at: 'running' }
  | { at: 'done'; restored: number; missing: readonly string[]; notRestored: number }
  | { at: 'failed'; why: Failure }

/** The versions of a file. `path`: absolute. */
export function useVersions(path: string) {
  const client = useClient(HistoryService)
  const [versions, setVersions] = useState<Loaded<FileVersion>>({ at: 'loading' })
  const [key, setKey] = useState('') // of its content in the store
  const [restoring, setRestoring] = useState<Restoring>({ at: 'idle' })
  const [asked, setAsked] = useState(0)
  useEffect(() => {
    const stop = new AbortController()
    setVersions({ at: 'loading' })
    client.listVersions({ path }, { signal: stop.signal }).then(
      (response) => {
        setVersions({ at: 'loaded', items: response.versions })
        setKey(response.key)
      },
      (thrown: unknown) => {
        if (!wasAborted(thrown, stop.signal)) setVersions({ at: 'failed', why: failureOf(thrown) })
      },
    )
    return () => stop.abort()
  }, [client, path, asked])
  useEffect(() => setRestoring({ at: 'idle' }), [path])
  const restore = async (hash: Uint8Array): Promise<void> => {
    setRestoring({ at: 'running' })
    try {
      await client.restoreVersion({ path, at: { case: 'hash', value: toHex(hash) } })
      setRestoring({ at: 'done', restored: 1, missing: [], notRestored: 0 })
      setAsked((times) => times + 1)
    } catch (thrown) {
      setRestoring({ at: 'failed', why: failureOf(thrown) })
    }
  }
  return { versions, key, restoring, restore }
}

/** Files restored in one call, at most. */
const RESTORED_AT_ONCE = 2000

/** Everything in the trash of a folder, page by page. */
export function useTrash(folder: string) {
  const client = useClient(FileService)
  const [trash, setTrash] = useState<Loaded<TrashedFile>>({ at: 'loading' })
  const [restoring, setRestoring] = useState<Restoring>({ at: 'idle' })
  const [asked, setAsked] = useState(0)
  useEffect(() => {
    const stop = new AbortController()
    const read = async (): Promise<void> => {
      const items: TrashedFile[] = []
      for (let more = true; more;) {
        const page = await client.listTrash(
          { folder, after: items.at(-1)?.id ?? '', limit: NEXT_PAGE },
          { signal: stop.signal },
        )
        items.push(...page.files)
        more = page.more && page.files.length > 0
        setTrash({ at: 'loaded', items: [...items] })
      }
    }
    read().catch((thrown: unknown) => {
      if (!wasAborted(thrown, stop.signal)) setTrash({ at: 'failed', why: failureOf(thrown) })
    })
    return () => stop.abort()
  }, [client, folder, asked])
  const restore = async (ids: readonly string[]): Promise<void> => {
    setRestoring({ at: 'running' })
    let restored = 0
    let notRestored = 0
    const missing: string[] = []
    try {
      for (let at = 0; at < ids.length; at += RESTORED_AT_ONCE) {
        const done = await client.restoreTrash({ folder, ids: ids.slice(at, at + RESTORED_AT_ONCE) })
        restored += done.restored
        missing.push(...done.missing)
        notRestored += done.notRestored
      }
      setRestoring({ at: 'done', restored, missing, notRestored })
    } catch (thrown) {
      setRestoring({ at: 'failed', why: failureOf(thrown) })
    }
    setAsked((times) => times + 1)
  }
  return { trash, restoring, restore, reload: () => setAsked((times) => times + 1) }
}
