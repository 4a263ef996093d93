/** `core:space`: a trust anchor. All it holds is in the system table; it has no ops of its own. */
import { BadOpError, type BlobRef, type Change, type StateMachine } from './port.ts'

export const spaceMachine: StateMachine<never> = {
  decode() {
    throw new BadOpError('a space takes no ops of its own')
  },
  apply(): Change[] {
    return []
  },
  *referencedBlobs(): Iterable<BlobRef> {},
}
