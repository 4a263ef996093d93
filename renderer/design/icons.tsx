/** The few pictures used beside words; drawn on a grid of 20, one stroke. Always decoration: words say what they mean. */
const paths = {
  folder:
    'M2.5 5.5v9a1.5 1.5 0 0 0 1.5 1.5h12a1.5 1.5 0 0 0 1.5-1.5v-7A1.5 1.5 0 0 0 16 6h-6L8.2 4H4a1.5 1.5 0 0 0-1.5 1.5Z',
  peers:
    'M12 5a2 2 0 1 1-4 0 2 2 0 0 1 4 0Z M6.5 15a2 2 0 1 1-4 0 2 2 0 0 1 4 0Z M17.5 15a2 2 0 1 1-4 0 2 2 0 0 1 4 0Z M9 6.8 5.4 13.2 M11 6.8l3.6 6.4 M6.5 15h7',
  conflict: 'M10 17V9.5 M10 9.5 5 4 M10 9.5 15 4 M4.8 7V3.8H8 M12 3.8h3.2V7',
  history: 'M10 5.5V10l3 2 M3.2 8.2A7 7 0 1 1 3 11 M3 4.5v3.8h3.8',
  settings: 'M3 6h8 M15 6h2 M3 14h2 M9 14h8 M13 3.8v4.4 M7 11.8v4.4',
  plus: 'M10 4v12 M4 10h12',
  link: 'M8.5 11.5a3 3 0 0 0 4.3 0l2.7-2.7a3 3 0 0 0-4.3-4.3L10 5.7 M11.5 8.5a3 3 0 0 0-4.3 0l-2.7 2.7a3 3 0 0 0 4.3 4.3L10 14.3',
  more: 'M4.5 10h.01 M10 10h.01 M15.5 10h.01',
  check: 'm4 10.5 4 4 8-9',
  close: 'm5 5 10 10 M15 5 5 15',
  copy: 'M7 7V4.5h8.5V13H13 M4.5 7H13v8.5H4.5Z',
  warning: 'M10 3 2.5 16h15Z M10 8.5v3.5 M10 14h.01',
  pair: 'M11.5 8.5a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0Z M2.5 17c.8-2.6 2.8-4 5.5-4s4.7 1.4 5.5 4 M15.5 7v5 M13 9.5h5',
} as const

export type IconName = keyof typeof paths

export const Icon = ({ name, size = 20 }: { readonly name: IconName; readonly size?: number }) => (
  <svg
    width={size}
    height={size}
    viewBox="0 0 20 20"
    fill="none"
    stroke="currentColor"
    strokeWidth={name === 'more' ? 2.4 : 1.5}
    strokeLinecap="round"
    strokeLinejoin="round"
    aria-hidden="true"
    focusable="false"
  >
    <path d={paths[name]} />
  </svg>
)

/** The mark of Lattice: four nodes, each joined to each. */
export const Mark = ({ size = 28 }: { readonly size?: number }) => (
  <svg width={size} height={size} viewBox="0 0 32 32" fill="none" aria-hidden="true" focusable="false">
    <path
      d="M16 4 27 16 16 28 5 16Z M16 4v24 M5 16h22"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinejoin="round"
    />
    {[
      [16, 4],
      [27, 16],
      [16, 28],
      [5, 16],
    ].map(([x, y]) => (
      <circle key={`${x} ${y}`} cx={x} cy={y} r="3" fill="currentColor" />
    ))}
    <circle cx="16" cy="16" r="4" fill="var(--colour-warn)" />
  </svg>
)
