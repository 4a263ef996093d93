/** What only a desktop shell gives: the paths of dropped files, and whether there is a shell at all. */
import { createContext, useContext } from 'react'

export const IsDesktopContext = createContext(false)
export const useIsDesktop = (): boolean => useContext(IsDesktopContext)

/** The absolute path of a dropped file or directory; undefined in a browser, which does not tell. */
export const pathOfFile = (file: File): string | undefined => {
  const bridge: unknown = Reflect.get(window, 'lattice')
  if (typeof bridge !== 'object' || bridge === null || !('pathForFile' in bridge)) return undefined
  const { pathForFile } = bridge
  if (typeof pathForFile !== 'function') return undefined
  const path: unknown = pathForFile.call(bridge, file)
  return typeof path === 'string' && path !== '' ? path : undefined
}
