/** The mesh as this device knows it: itself in the middle, and a line between any two that are connected. */
import { useTranslation } from 'react-i18next'
import type { PeerInfo } from '#proto/peer_api'
import { toHex } from '../../present/format.ts'
import { linksBetween, placeAround, shorten, type Between, type Placed } from './mesh.ts'
import css from './peers.module.css'

const box = { width: 760, height: 260, marginX: 110, marginY: 54 }
/** How far a line between two others bends away from the middle, as a share of its distance from there. */
const BEND = 0.35
/** Two that stand opposite each other: their line would pass through the middle. */
const ACROSS = 12
const ASIDE = 56
const middle = { x: box.width / 2, y: box.height / 2 }

const way = ({ connected, direct }: PeerInfo): 'direct' | 'relayed' | 'away' =>
  !connected ? 'away' : direct ? 'direct' : 'relayed'

const Line = ({ peer, x, y }: Placed<PeerInfo>) => (
  <line x1={middle.x} y1={middle.y} x2={x} y2={y} className={css[way(peer)]} />
)

/** Bent around the middle, where the lines of this device meet. */
const Link = ({ from, to, link }: { from: Placed<PeerInfo>; to: Placed<PeerInfo>; link: Between }) => {
  const bend = (a: number, b: number, towards: number): number => (a + b) / 2 + ((a + b) / 2 - towards) * BEND
  const [x, y] = [bend(from.x, to.x, middle.x), bend(from.y, to.y, middle.y)]
  const isAcross = Math.hypot((from.x + to.x) / 2 - middle.x, (from.y + to.y) / 2 - middle.y) < ACROSS
  const by = isAcross ? { x: middle.x + ASIDE, y: middle.y - ASIDE } : { x, y }
  const kind = css[link.direct ? 'direct' : 'relayed'] ?? ''
  const doubt = link.confirmed ? '' : (css['claimed'] ?? '')
  return (
    <path
      d={`M${from.x} ${from.y} Q${by.x} ${by.y} ${to.x} ${to.y}`}
      className={`${css['between']} ${kind} ${doubt}`}
    />
  )
}

const Device = ({ peer, x, y }: Placed<PeerInfo>) => {
  const { t } = useTranslation('peers')
  const isUpper = y < middle.y - 10
  const latency = peer.connected && peer.latencyMs > 0 ? t('mesh.latency', { ms: peer.latencyMs }) : undefined
  return (
    <g>
      <circle cx={x} cy={y} r="13" className={css[peer.connected ? 'on' : 'off']} />
      <text x={x} y={isUpper ? y - 22 : y + 31} className={css['name']}>
        {shorten(peer.name)}
      </text>
      <text x={(x + middle.x) / 2} y={(y + middle.y) / 2 - 7} className={css['latency']}>
        {latency}
      </text>
    </g>
  )
}

export const MeshPicture = ({ self, others }: { self: PeerInfo | undefined; others: readonly PeerInfo[] }) => {
  const { t } = useTranslation('peers')
  const placed = placeAround(others, box)
  const between = linksBetween(others)
  const count = others.filter(({ connected }) => connected).length
  return (
    <figure className={css['mesh']}>
      <svg
        viewBox={`0 0 ${box.width} ${box.height}`}
        role="img"
        aria-label={`${t('mesh.label', { count, of: others.length })} ${t('mesh.between', { count: between.length })}`}
      >
        {between.map((link) => (
          <Link key={link.ends.join()} from={placed[link.ends[0]]!} to={placed[link.ends[1]]!} link={link} />
        ))}
        {placed.map((at) => (
          <Line key={toHex(at.peer.device)} {...at} />
        ))}
        {placed.map((at) => (
          <Device key={toHex(at.peer.device)} {...at} />
        ))}
        <circle cx={middle.x} cy={middle.y} r="19" className={css['self']} />
        <text x={middle.x} y={middle.y + 38} className={css['name']}>
          {shorten(self?.name ?? '')}
        </text>
      </svg>
      <figcaption className={css['legend']}>
        {(['direct', 'relayed', 'away'] as const).map((key) => (
          <span key={key}>
            <svg width="28" height="6" aria-hidden="true">
              <line x1="0" y1="3" x2="28" y2="3" className={css[key]} />
            </svg>
            {t(`mesh.${key}`)}
          </span>
        ))}
        {between.some(({ confirmed }) => !confirmed) && (
          <span>
            <svg width="28" height="6" aria-hidden="true">
              <line x1="0" y1="3" x2="28" y2="3" className={`${css['between']} ${css['direct']} ${css['claimed']}`} />
            </svg>
            {t('mesh.claimed')}
          </span>
        )}
      </figcaption>
    </figure>
  )
}
