/** What a view says instead of its content: it is loading, there is nothing, or it failed. */
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import controls from './controls.module.css'
import type { Failure } from './failure.ts'

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

interface FailedProps {
  readonly title: string
  readonly why: Failure
  readonly onAgain: () => void
}

/** That a view could not be read, why, and a way to try again. */
export const FailedNotice = ({ title, why, onAgain }: FailedProps) => {
  const { t } = useTranslation('design')
  return (
    <Notice title={title} isAlert>
      {why.sentence}
      <button type="button" className={controls['button']} onClick={onAgain}>
        {t('again')}
      </button>
    </Notice>
  )
}
