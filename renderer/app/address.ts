/**
 * What the address of a screen names. wouter decodes an address as a whole, which leaves `%23` and its like as they are
 * and cannot be finished afterwards: `%25` and `%` look alike by then. Names of files hold anything, so the parts are
 * taken from the fragment itself.
 */
import { useLocation } from 'wouter'

const decode = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    return part // typed by hand, and not encoded
  }
}

/** '#/files/Notes/a%23b' → ['files', 'Notes', 'a#b']. */
export const partsOf = (fragment: string): readonly string[] =>
  fragment
    .replace(/^#?\/?/, '')
    .split('/')
    .filter((part) => part !== '')
    .map(decode)

/** The parts of the present address; renders again when it changes. */
export const useAddressParts = (): readonly string[] => {
  useLocation()
  return partsOf(window.location.hash)
}
