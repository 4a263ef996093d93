/** Calls of the contract that are not built yet: each says so. Goes when the last of them is. */
import { err, latticeError, type LatticeError, type Result } from '#kernel/core/result.ts'

const notYet = latticeError('not-available', 'permanent', 'this node cannot do that yet')

export const pending = (): Promise<Result<never, LatticeError>> => Promise.resolve(err(notYet))

export async function* pendingStream(): AsyncGenerator<Result<never, LatticeError>> {
  yield err(notYet)
}
