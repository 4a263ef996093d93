/** `lattice://` links among what the app was started with. What stands in them is the node's to judge. */

const SCHEME = 'lattice://'
/** As long as a text in a request may be. */
const LINK_LENGTH_MAX = 16 * 1024

/** The link in a text that came from outside; undefined: it is none. */
export const parseLink = (text: string): string | undefined => {
  const link = text.trim()
  if (link.length > LINK_LENGTH_MAX || !link.toLowerCase().startsWith(SCHEME)) return undefined
  // A link is one word of printable ASCII; a quote or a space would be somebody's command line.
  return /^[\x21-\x7e]+$/.test(link) ? link : undefined
}

/** The first link of a command line. */
export const findLink = (argv: readonly string[]): string | undefined => {
  for (const arg of argv) {
    const link = parseLink(arg)
    if (link !== undefined) return link
  }
  return undefined
}
