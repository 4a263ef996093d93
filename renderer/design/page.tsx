/** A screen: its title, what one can do there, and its content. */
import type { ReactNode } from 'react'
import css from './page.module.css'

interface PageProps {
  readonly title: string
  readonly intro?: ReactNode
  readonly actions?: ReactNode
  readonly children: ReactNode
}

export const Page = ({ title, intro, actions, children }: PageProps) => (
  <div className={css['page']}>
    <header className={css['head']}>
      <div className={css['words']}>
        <h1>{title}</h1>
        {intro !== undefined && <p className={css['intro']}>{intro}</p>}
      </div>
      {actions !== undefined && <div className={css['tools']}>{actions}</div>}
    </header>
    {children}
  </div>
)
