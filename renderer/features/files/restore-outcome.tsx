/** What a restoration did, or why it did not. */
import { useTranslation } from 'react-i18next'
import controls from '../../present/controls.module.css'
import css from './files-screen.module.css'
import type { Restoring } from './hooks.ts'

export function RestoreOutcome({ restoring }: { readonly restoring: Restoring }) {
  const { t } = useTranslation('files')
  if (restoring.at === 'idle') return null
  if (restoring.at === 'failed')
    return (
      <p className={controls['fault']} role="alert">
        {restoring.why.sentence}
      </p>
    )
  return (
    <div className={css['outcome']} role="status">
      {restoring.at === 'running' ? t('restore.running') : t('restore.done', { count: restoring.restored })}
      {restoring.at === 'done' && restoring.missing.length > 0 && (
        <>
          <p>{t('restore.missing', { count: restoring.notRestored })}</p>
          <ul>
            {restoring.missing.slice(0, 10).map((path) => (
              <li key={path}>
                <bdi>{path}</bdi>
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  )
}
