/** Which dialog of the folders is open. It lives outside of the page, because a drop opens it from anywhere. */
import { create } from 'zustand'

export type FolderDialog =
  | { readonly at: 'closed' }
  | { readonly at: 'add'; readonly path?: string; readonly name?: string }
  | { readonly at: 'keep'; readonly id: string; readonly name: string; readonly formerPath: string }
  | { readonly at: 'remove'; readonly id: string; readonly name: string; readonly path: string }

export const useFolderDialog = create<{ readonly dialog: FolderDialog }>(() => ({ dialog: { at: 'closed' } }))
export const showFolderDialog = (dialog: FolderDialog): void => useFolderDialog.setState({ dialog })
export const closeFolderDialog = (): void => showFolderDialog({ at: 'closed' })
