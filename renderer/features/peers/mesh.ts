/** Where the devices stand in the picture: this one in the middle, the others around it, all in one unit. */
export interface Placed<Peer> {
  readonly peer: Peer
  readonly x: number
  readonly y: number
}

export interface Box {
  readonly width: number
  readonly height: number
  /** Kept free at the edges for labels. */
  readonly marginX: number
  readonly marginY: number
}

/** Evenly on an ellipse, the first at the top. A single one stands to the side, so that the line to it lies flat. */
export const placeAround = <Peer>(peers: readonly Peer[], { width, height, marginX, marginY }: Box): Placed<Peer>[] => {
  const radiusX = width / 2 - marginX
  const radiusY = height / 2 - marginY
  const first = peers.length <= 2 ? 0 : -Math.PI / 2
  return peers.map((peer, at) => {
    const angle = first + (2 * Math.PI * at) / peers.length
    return { peer, x: width / 2 + radiusX * Math.cos(angle), y: height / 2 + radiusY * Math.sin(angle) }
  })
}

/** The names that fit beside a node: the rest is in the list below the picture. */
export const shorten = (name: string, lettersMax = 18): string => {
  const letters = [...name]
  return letters.length <= lettersMax ? name : `${letters.slice(0, lettersMax - 1).join('')}…`
}
