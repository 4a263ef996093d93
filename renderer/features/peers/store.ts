/** Which dialog about a peer is open. */
import { create } from 'zustand'
import type { PeerInfo } from '#proto/peer_api'

export type PeerDialog =
  | { readonly at: 'closed' }
  | { readonly at: 'rename'; readonly peer: PeerInfo }
  | { readonly at: 'role'; readonly peer: PeerInfo }
  | { readonly at: 'revoke'; readonly peer: PeerInfo }

export const usePeerDialog = create<{ readonly dialog: PeerDialog }>(() => ({ dialog: { at: 'closed' } }))
export const showPeerDialog = (dialog: PeerDialog): void => usePeerDialog.setState({ dialog })
export const closePeerDialog = (): void => showPeerDialog({ at: 'closed' })
