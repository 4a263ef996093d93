/** What went wrong in a call, as the node said it: a sentence for a person, and a stable kind for programs. */
import { Code, ConnectError } from '@connectrpc/connect'
import { ErrorDetailSchema } from '#proto/error_api'

export interface Failure {
  readonly kind: string
  readonly sentence: string
}

/** Any thrown value becomes a failure; only the node's own errors carry a kind of theirs. */
export function failureOf(thrown: unknown): Failure {
  const error = ConnectError.from(thrown)
  const [detail] = error.findDetails(ErrorDetailSchema)
  return { kind: detail?.kind ?? Code[error.code].toLowerCase(), sentence: error.rawMessage }
}

/** True for a call that we ended ourselves, because the view it was for is gone. */
export const wasAborted = (thrown: unknown, signal: AbortSignal): boolean =>
  signal.aborted || ConnectError.from(thrown).code === Code.Canceled
