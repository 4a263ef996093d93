/** Why the last try of a call failed; nothing while there is nothing to say. */
import { ErrorNote } from '../design/error-note.tsx'
import type { Action } from '../present/use-action.ts'

export const ActionError = ({ action }: { readonly action: Action }) =>
  action.state.at === 'failed' ? <ErrorNote failure={action.state.failure} /> : null
