/** A lattice of devices: every one joined to its neighbours, none of them in the middle. Decoration only. */
import css from './onboarding.module.css'

const columns = 5
const rows = 5
const GAP = 60

const points = Array.from({ length: columns * rows }, (_, at) => {
  const row = Math.floor(at / columns)
  return { x: 40 + (at % columns) * GAP + (row % 2) * (GAP / 2), y: 30 + row * GAP * 0.87 }
})

const isNeighbour = (a: (typeof points)[number], b: (typeof points)[number]): boolean => {
  const far = Math.hypot(a.x - b.x, a.y - b.y)
  return far > 0 && far < GAP * 1.1
}

const edges = points.flatMap((a, at) => points.slice(at + 1).flatMap((b) => (isNeighbour(a, b) ? [{ a, b }] : [])))

/** Devices drawn filled; the way between them is drawn strong. */
const way = [6, 11, 12, 17, 18]

const wayPath = way.map((at, n) => `${n === 0 ? 'M' : 'L'}${points[at]!.x} ${points[at]!.y}`).join(' ')

export const Picture = () => (
  <svg viewBox="0 0 350 270" className={css['picture']} aria-hidden="true" focusable="false">
    {edges.map(({ a, b }) => (
      <line key={`${a.x} ${a.y} ${b.x} ${b.y}`} x1={a.x} y1={a.y} x2={b.x} y2={b.y} className={css['edge']} />
    ))}
    <path d={wayPath} className={css['way']} />
    {points.map(({ x, y }, at) => (
      <circle
        key={`${x} ${y}`}
        cx={x}
        cy={y}
        r={way.includes(at) ? 8 : 4}
        className={css[way.includes(at) ? 'on' : 'dot']}
      />
    ))}
  </svg>
)
