/** A word or two that say how something is. */
import type { ReactNode } from 'react'
import type { Tone } from './card.tsx'
import css from './tag.module.css'

export const Tag = ({ tone = 'neutral', children }: { readonly tone?: Tone; readonly children: ReactNode }) => (
  <span className={[css['tag'], css[tone]].join(' ')}>{children}</span>
)
