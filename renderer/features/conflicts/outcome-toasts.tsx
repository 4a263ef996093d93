/** What was settled a moment ago, with the way back. Stays until dismissed: undoing must not need quick hands. */
import { useTranslation } from 'react-i18next'
import controls from '../../present/controls.module.css'
import { useOutcomes, useUndo } from './hooks.ts'
import css from './outcome-toasts.module.css'
import { withoutOutcome, type Outcome } from './store.ts'

export function OutcomeToasts() {
  const outcomes = useOutcomes((store) => store.outcomes)
  const { t } = useTranslation('conflicts')
  return (
    <div className={css['stack']} role="region" aria-label={t('toast.label')} aria-live="polite">
      {outcomes.map((outcome) => (
        <OutcomeToast key={outcome.number} outcome={outcome} />
      ))}
    </div>
  )
}

function OutcomeToast({ outcome }: { readonly outcome: Outcome }) {
  const { t } = useTranslation('conflicts')
  const change = useOutcomes((store) => store.change)
  const undo = useUndo()
  const { settled, failed, undoing } = outcome
  const canUndo = settled.some((each) => each.undo !== '')
  return (
    <div className={css['toast']} data-failed={failed.length > 0 || undoing.at === 'failed'}>
      <div>
        {settled.length > 0 && (
          <p>
            {settled.length === 1
              ? t('toast.one', { path: settled[0]!.path })
              : t('toast.many', { count: settled.length })}
          </p>
        )}
        {failed.slice(0, 3).map(({ path, why }) => (
          <p key={path}>{t('toast.failed', { path, sentence: why.sentence })}</p>
        ))}
        {failed.length > 3 && <p>{t('toast.moreFailed', { count: failed.length - 3 })}</p>}
        {undoing.at === 'failed' && <p>{t('toast.undoFailed', { sentence: undoing.why.sentence })}</p>}
      </div>
      {canUndo && (
        <button
          type="button"
          className={controls['button']}
          disabled={undoing.at === 'running'}
          onClick={() => void undo(outcome)}
        >
          {t('toast.undo')}
        </button>
      )}
      <button
        type="button"
        className={controls['quiet']}
        aria-label={t('toast.dismiss')}
        onClick={() => change((all) => withoutOutcome(all, outcome.number))}
      >
        ✕
      </button>
    </div>
  )
}
