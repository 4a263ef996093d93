/** Something that is asked for once a component shows, and again when asked to. */
import { useCallback, useEffect, useState } from 'react'
import { failureOf, wasAborted, type Failure } from './failure.ts'

export type Loaded<T> =
  | { readonly at: 'loading' }
  | { readonly at: 'ready'; readonly value: T }
  | { readonly at: 'failed'; readonly failure: Failure }

/** `load` must be stable (`useCallback`): another one is another question. */
export const useLoaded = <T>(load: (signal: AbortSignal) => Promise<T>): readonly [Loaded<T>, () => void] => {
  const [state, setState] = useState<Loaded<T>>({ at: 'loading' })
  const [round, setRound] = useState(0)
  useEffect(() => {
    const gone = new AbortController()
    load(gone.signal).then(
      (value) => {
        if (!gone.signal.aborted) setState({ at: 'ready', value })
      },
      (thrown: unknown) => {
        if (!wasAborted(thrown, gone.signal)) setState({ at: 'failed', failure: failureOf(thrown) })
      },
    )
    return () => gone.abort()
  }, [load, round])
  const again = useCallback(() => setRound((n) => n + 1), [])
  return [state, again]
}
