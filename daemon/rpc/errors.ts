/** Between our errors and those of Connect: the message is the sentence, a detail keeps the stable `kind`. */
import { Code, ConnectError } from '@connectrpc/connect'
import { ErrorDetailSchema } from '#proto/error_api'
import { latticeError, type LatticeError, type Severity } from '#kernel/core/result.ts'

const CODES: Readonly<Record<Severity, Code>> = {
  retryable: Code.Unavailable,
  permanent: Code.FailedPrecondition,
  corrupt: Code.DataLoss,
  denied: Code.PermissionDenied,
}

const codeOf = ({ kind, severity }: LatticeError): Code => {
  if (kind.endsWith('-not-found')) return Code.NotFound
  if (kind === 'bad-request') return Code.InvalidArgument
  if (kind === 'not-level') return Code.DeadlineExceeded
  return CODES[severity]
}

export const toConnectError = (error: LatticeError): ConnectError =>
  new ConnectError(error.message, codeOf(error), undefined, [
    { desc: ErrorDetailSchema, value: { kind: error.kind, severity: error.severity } },
  ])

/** For what must not happen: the caller learns that it is our fault, the log learns what it was. */
export const internalError = (): LatticeError =>
  latticeError('internal', 'permanent', 'the node failed on this request; its log on standard error says why')
