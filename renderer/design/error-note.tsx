/** An error as a person should meet it: the sentence the node gave, and what can be done about it. */
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { Failure } from '../present/failure.ts'
import { Icon } from './icons.tsx'
import css from './error-note.module.css'

interface ErrorNoteProps {
  readonly failure: Failure
  /** A button, mostly "try again". */
  readonly action?: ReactNode
}

/** Kinds we can say something about that the sentence does not. */
const advised = new Set([
  'unavailable',
  'unauthenticated',
  'not-available',
  'internal',
  'invite-expired',
  'invite-used-up',
  'invite-revoked',
])

export const ErrorNote = ({ failure, action }: ErrorNoteProps) => {
  const { t } = useTranslation('design')
  const sentence = failure.sentence.charAt(0).toUpperCase() + failure.sentence.slice(1)
  return (
    <div className={css['note']} role="alert" data-kind={failure.kind}>
      <Icon name="warning" />
      <div className={css['words']}>
        <p>{sentence.endsWith('.') ? sentence : `${sentence}.`}</p>
        {advised.has(failure.kind) && <p className={css['advice']}>{t(`advice.${failure.kind}`)}</p>}
      </div>
      {action}
    </div>
  )
}
