/** The conflicts beyond those that events tell: asked for page by page, and again when something has changed. */
import type { Client } from '@connectrpc/connect'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { ConflictService, type ConflictInfo } from '#proto/conflict_api'
import type { FolderConflicts } from '#proto/event_api'
import { failureOf, wasAborted, type Failure } from '../../present/failure.ts'
import { toHex } from '../../present/format.ts'
import { useClient } from '../../present/use-client.ts'

/** How many more are asked for at a time. */
const MORE = 2000
const PAGE_MAX = 2000

type Rest =
  | { readonly at: 'ready' | 'loading'; readonly conflicts: readonly ConflictInfo[] }
  | { readonly at: 'failed'; readonly conflicts: readonly ConflictInfo[]; readonly why: Failure }

/** Up to `count` of those that follow on what events told of each folder. */
export async function loadRest(
  client: Pick<Client<typeof ConflictService>, 'listConflicts'>,
  standing: readonly FolderConflicts[],
  count: number,
  signal: AbortSignal,
): Promise<readonly ConflictInfo[]> {
  const found: ConflictInfo[] = []
  for (const { storeId, next } of standing) {
    let after = next
    while (after !== '' && found.length < count) {
      const limit = Math.min(PAGE_MAX, count - found.length)
      const page = await client.listConflicts({ folder: toHex(storeId), after, limit }, { signal })
      found.push(...page.conflicts)
      after = page.next
    }
  }
  return found
}

/** Each once: what moved from one page to another is in both. */
export const together = (
  standing: readonly FolderConflicts[],
  rest: readonly ConflictInfo[],
): readonly ConflictInfo[] => {
  const told = standing.flatMap(({ conflicts }) => conflicts)
  const known = new Set(told.map(({ id }) => id))
  return [...told, ...rest.filter(({ id }) => !known.has(id))]
}

export const totalOf = (standing: readonly FolderConflicts[]): number =>
  standing.reduce((sum, { conflicts, total }) => sum + Math.max(conflicts.length, Number(total)), 0)

/** All that is known so far, and ways to know more. Nothing is asked for while `isPaused`. */
export function useAllConflicts(standing: readonly FolderConflicts[], isPaused: boolean) {
  const client = useClient(ConflictService)
  const [wanted, setWanted] = useState(0)
  const [rest, setRest] = useState<Rest>({ at: 'ready', conflicts: [] })

  useEffect(() => {
    if (wanted === 0 || isPaused) return
    const stop = new AbortController()
    setRest(({ conflicts }) => ({ at: 'loading', conflicts }))
    loadRest(client, standing, wanted, stop.signal).then(
      (conflicts) => {
        if (!stop.signal.aborted) setRest({ at: 'ready', conflicts })
      },
      (thrown: unknown) => {
        if (!wasAborted(thrown, stop.signal))
          setRest(({ conflicts }) => ({ at: 'failed', conflicts, why: failureOf(thrown) }))
      },
    )
    return () => stop.abort()
  }, [client, standing, wanted, isPaused])

  const conflicts = useMemo(() => together(standing, rest.conflicts), [standing, rest.conflicts])
  const total = Math.max(conflicts.length, totalOf(standing))
  const more = useCallback(() => setWanted(rest.conflicts.length + MORE), [rest.conflicts.length])
  const all = useCallback(
    async () => together(standing, await loadRest(client, standing, Infinity, new AbortController().signal)),
    [client, standing],
  )
  return { conflicts, total, rest, more, all }
}
