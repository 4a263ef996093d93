/** The conflict views' dealings with the node: loading one conflict, comparing its sides, settling, undoing. */
import type { Client } from '@connectrpc/connect'
import { useCallback, useEffect, useState } from 'react'
import { create } from 'zustand'
import { ConflictService, type ConflictInfo, type ResolveConflictRequest } from '#proto/conflict_api'
import { failureOf, wasAborted, type Failure } from '../../present/failure.ts'
import { useClient } from '../../present/use-client.ts'
import { asText, comparisonOf, IMAGE_BYTES_MAX, readSide, TEXT_BYTES_MAX } from './sides.ts'
import {
  compared,
  comparedTexts,
  notOpened,
  opened,
  withOutcome,
  withoutOutcome,
  withUndoing,
  type Compared,
  type Conflict,
  type Outcome,
  type Outcomes,
  type Settled,
  type Settling,
} from './store.ts'

export type Resolution = ResolveConflictRequest['resolution']
export interface Step {
  readonly conflict: ConflictInfo
  readonly resolution: Resolution
}

interface OutcomesStore {
  readonly outcomes: Outcomes
  readonly change: (transition: (outcomes: Outcomes) => Outcomes) => void
}

/** Outlives the screens: who settles a conflict and goes back to the inbox can still undo. */
export const useOutcomes = create<OutcomesStore>((set) => ({
  outcomes: [],
  change: (transition) => set(({ outcomes }) => ({ outcomes: transition(outcomes) })),
}))

let outcomesMade = 0

type ConflictClient = Client<typeof ConflictService>
type OpenConflict = Extract<Conflict, { at: 'open' }>

async function compare(client: ConflictClient, state: OpenConflict, signal: AbortSignal): Promise<Compared> {
  const { info, base, sides } = state
  const [left, right] = [sides[state.left]!, sides[state.right]!]
  const comparison = comparisonOf({ conflict: info, base }, left, right)
  if (comparison.as === 'facts') return { at: 'facts', because: comparison.because }
  const bytesMax = comparison.as === 'image' ? IMAGE_BYTES_MAX : TEXT_BYTES_MAX
  const read = (hash: Uint8Array) => readSide(client, info.id, hash, bytesMax, signal)
  const [leftBytes, rightBytes] = await Promise.all([read(left.hash), read(right.hash)])
  if (leftBytes === undefined || rightBytes === undefined) return { at: 'facts', because: 'large' }
  if (comparison.as === 'image') {
    const urlOf = (bytes: Uint8Array<ArrayBuffer>, type: string) => URL.createObjectURL(new Blob([bytes], { type }))
    return { at: 'images', left: urlOf(leftBytes, left.type), right: urlOf(rightBytes, right.type) }
  }
  const baseBytes = base?.here ? await read(base.hash) : undefined
  const [leftText, rightText] = [asText(leftBytes), asText(rightBytes)]
  if (leftText === undefined || rightText === undefined) return { at: 'facts', because: 'binary' }
  return comparedTexts(baseBytes && asText(baseBytes), leftText, rightText)
}

/** One conflict and the comparison of two of its sides. `isListed`: it still is among the conflicts of the node. */
export function useConflict(id: string, isListed: boolean) {
  const client = useClient(ConflictService)
  const [state, setState] = useState<Conflict>({ at: 'loading' })
  const [asked, setAsked] = useState(0)
  const reload = useCallback(() => setAsked((times) => times + 1), [])

  // Asked again whenever it enters or leaves the list: somebody else may have settled it, or an undo brought it back.
  useEffect(() => {
    const stop = new AbortController()
    setState({ at: 'loading' })
    client.getConflict({ id }, { signal: stop.signal }).then(
      (response) => setState(opened(response)),
      (thrown: unknown) => {
        if (!wasAborted(thrown, stop.signal)) setState(notOpened(failureOf(thrown)))
      },
    )
    return () => stop.abort()
  }, [client, id, asked, isListed])

  const open = state.at === 'open' && state.compared.at === 'loading' ? state : undefined
  useEffect(() => {
    if (open === undefined) return
    const stop = new AbortController()
    compare(client, open, stop.signal).then(
      (result) => {
        if (stop.signal.aborted) releaseImages(result)
        else setState((now) => compared(now, result))
      },
      (thrown: unknown) => {
        if (!wasAborted(thrown, stop.signal)) setState((now) => compared(now, { at: 'failed', why: failureOf(thrown) }))
      },
    )
    return () => stop.abort()
  }, [client, open])

  const shown = state.at === 'open' ? state.compared : undefined
  useEffect(() => () => releaseImages(shown), [shown])
  return { state, setState, reload }
}

const releaseImages = (result: Compared | undefined): void => {
  if (result?.at !== 'images') return
  URL.revokeObjectURL(result.left)
  URL.revokeObjectURL(result.right)
}

/** Settles conflicts one after the other; what came of it becomes one outcome that can be undone as a whole. */
export function useSettle() {
  const client = useClient(ConflictService)
  const change = useOutcomes((store) => store.change)
  const [settling, setSettling] = useState<Settling>({ at: 'idle' })
  const settle = useCallback(
    async (steps: readonly Step[]): Promise<Outcome> => {
      const settled: Settled[] = []
      const failed: { path: string; why: ReturnType<typeof failureOf> }[] = []
      for (const { conflict, resolution } of steps) {
        setSettling({ at: 'running', done: settled.length + failed.length, all: steps.length })
        try {
          const { path, undo } = await client.resolveConflict({ id: conflict.id, resolution })
          settled.push({ id: conflict.id, path: path || conflict.path, undo })
        } catch (thrown) {
          failed.push({ path: conflict.path, why: failureOf(thrown) })
        }
      }
      const outcome: Outcome = { number: ++outcomesMade, settled, failed, undoing: { at: 'idle' } }
      setSettling({ at: 'idle' })
      change((outcomes) => withOutcome(outcomes, outcome))
      return outcome
    },
    [client, change],
  )
  return { settling, settle }
}

/** Brings back all conflicts of one outcome that can be. The toast stays for those that cannot, with the first reason. */
export function useUndo() {
  const client = useClient(ConflictService)
  const change = useOutcomes((store) => store.change)
  return useCallback(
    async ({ number, settled }: Outcome): Promise<void> => {
      const undoable = settled.filter(({ undo }) => undo !== '')
      let why: Failure | undefined
      for (const [done, { undo }] of undoable.entries()) {
        change((all) => withUndoing(all, number, { at: 'running', done, all: undoable.length }))
        try {
          await client.undoResolution({ undo })
        } catch (thrown) {
          why ??= failureOf(thrown)
        }
      }
      change((all) => (why ? withUndoing(all, number, { at: 'failed', why }) : withoutOutcome(all, number)))
    },
    [client, change],
  )
}
