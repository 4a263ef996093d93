/** A call that a person starts: idle, running, or failed with what the node said. */
import { useCallback, useRef, useState } from 'react'
import { failureOf, type Failure } from './failure.ts'

export type ActionState =
  { readonly at: 'idle' } | { readonly at: 'running' } | { readonly at: 'failed'; readonly failure: Failure }

export interface Action {
  readonly state: ActionState
  /** Resolves with whether it went well; a failure is in `state` then. One call at a time: another is not begun. */
  readonly run: (call: () => Promise<unknown>) => Promise<boolean>
  readonly reset: () => void
}

export const useAction = (): Action => {
  const [state, setState] = useState<ActionState>({ at: 'idle' })
  const isRunning = useRef(false)
  const run = useCallback(async (call: () => Promise<unknown>): Promise<boolean> => {
    if (isRunning.current) return false
    isRunning.current = true
    setState({ at: 'running' })
    try {
      await call()
      setState({ at: 'idle' })
      return true
    } catch (thrown) {
      setState({ at: 'failed', failure: failureOf(thrown) })
      return false
    } finally {
      isRunning.current = false
    }
  }, [])
  const reset = useCallback(() => setState({ at: 'idle' }), [])
  return { state, run, reset }
}
