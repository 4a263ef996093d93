/** Expected failures are values: a `Result` says which. Broken invariants throw `InvariantError`. */

export type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E }

export const ok = <T>(value: T): { readonly ok: true; readonly value: T } => ({ ok: true, value })
export const err = <E>(error: E): { readonly ok: false; readonly error: E } => ({ ok: false, error })

/** What a caller may do about a failure: try again, give up, repair, or ask for rights. */
export type Severity = 'retryable' | 'permanent' | 'corrupt' | 'denied'

/**
 * The shape of every expected failure that reaches a person or a peer.
 * `kind` is stable and machine-readable (kebab-case); `message` is one sentence a person can act on.
 */
export interface LatticeError<Kind extends string = string> {
  readonly kind: Kind
  readonly severity: Severity
  readonly message: string
}

export const latticeError = <Kind extends string>(
  kind: Kind,
  severity: Severity,
  message: string,
): LatticeError<Kind> => ({ kind, severity, message })

/** A bug of ours, never bad input: the actor that meets it stops. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}

export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message)
}
