/** How far a peer is with a folder, as a key of the `peers` texts. */
import { LagState, type FolderLag } from '#proto/peer_api'

export interface LagWords {
  readonly key: 'unknown' | 'level' | 'behind' | 'writing'
  readonly count: number
}

export const lagOf = ({
  state,
  changesBehind,
  pending,
}: Pick<FolderLag, 'state' | 'changesBehind' | 'pending'>): LagWords => {
  switch (state) {
    case LagState.LEVEL:
      return { key: 'level', count: 0 }
    case LagState.BEHIND:
      return { key: 'behind', count: changesBehind }
    case LagState.WRITING:
      return { key: 'writing', count: pending }
    case LagState.UNSPECIFIED:
      return { key: 'unknown', count: 0 }
  }
}
