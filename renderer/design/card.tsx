/** A surface that holds one thing. `tone` draws a thread along its beginning that says how the thing is. */
import type { ReactNode } from 'react'
import css from './card.module.css'

export type Tone = 'neutral' | 'good' | 'warn' | 'bad' | 'info'

interface CardProps {
  readonly tone?: Tone
  readonly label?: string
  readonly children: ReactNode
}

export const Card = ({ tone, label, children }: CardProps) => (
  <section
    className={[css['card'], tone && css['threaded'], tone && css[tone]].filter(Boolean).join(' ')}
    aria-label={label}
  >
    {children}
  </section>
)
