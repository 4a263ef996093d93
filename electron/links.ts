/** `lattice://` links among what the app was started with. What stands in them is the node's to judge. */

/** As long as a text in a request may be; a link that was cut is damaged, and is said to be. */
const LINK_LENGTH_MAX = 16 * 1024

/** The link in a text that came from outside, whole or not: a person who clicked one must hear what is wrong with it. */
export const parseLink = (text: string): string | undefined => {
  const link = text.trim()
  return /^lattice:/i.test(link) ? link.slice(0, LINK_LENGTH_MAX) : undefined
}

/** The first link of a command line. */
export const findLink = (argv: readonly string[]): string | undefined => {
  for (const arg of argv) {
    const link = parseLink(arg)
    if (link !== undefined) return link
  }
  return undefined
}
