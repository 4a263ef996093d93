/** What a view says instead of its content: it is loading, there is nothing, or it failed. */
import type { ReactNode } from 'react'
import controls from './controls.module.css'

interface Props {
  readonly title: string
  readonly children?: ReactNode
  /** An alert is spoken at once; anything else when the person gets there. */
  readonly isAlert?: boolean
}

export const Notice = ({ title, children, isAlert = false }: Props) => (
  <div className={controls['notice']} role={isAlert ? 'alert' : 'status'}>
    <strong>{title}</strong>
    {children}
  </div>
)
