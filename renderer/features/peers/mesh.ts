/** The picture of the mesh as figures: where the devices stand, and who is connected to whom. */
import type { PeerInfo } from '#proto/peer_api'
import { toHex } from '../../present/format.ts'

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

/** That two of the others are connected, as one of them says, or both. */
export interface Between {
  /** Where they are in the list. */
  readonly ends: readonly [number, number]
  readonly direct: boolean
  readonly confirmed: boolean
}

/** Each pair once. A link that both ends tell of is direct if one of them says so: it may just have become it. */
export const linksBetween = (others: readonly Pick<PeerInfo, 'device' | 'links'>[]): readonly Between[] => {
  const places = new Map(others.map(({ device }, at) => [toHex(device), at]))
  const found = new Map<string, Between>()
  others.forEach(({ links }, from) => {
    for (const { device, direct, confirmed } of links) {
      const to = places.get(toHex(device))
      if (to === undefined || to === from) continue
      const ends = from < to ? ([from, to] as const) : ([to, from] as const)
      const before = found.get(ends.join())
      found.set(ends.join(), { ends, direct: direct || before?.direct === true, confirmed })
    }
  })
  return [...found.values()]
}

/** The names that fit beside a node: the rest is in the list below the picture. */
export const shorten = (name: string, lettersMax = 18): string => {
  const letters = [...name]
  return letters.length <= lettersMax ? name : `${letters.slice(0, lettersMax - 1).join('')}…`
}
