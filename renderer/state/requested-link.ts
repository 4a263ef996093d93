/** A link that was clicked outside of the app and waits to be looked at. */
import { create } from 'zustand'

export const useRequestedLink = create<{ readonly link: string | undefined }>(() => ({ link: undefined }))
