/** The versions of one file, newest first, and restoring one of them as a new change. */
import { useTranslation } from 'react-i18next'
import { Link } from 'wouter'
import type { FileRow } from '#proto/file_api'
import controls from '../../present/controls.module.css'
import { formatBytes, formatTime, shortHex, toHex } from '../../present/format.ts'
import { Notice } from '../../present/notice.tsx'
import css from './files-screen.module.css'
import { useVersions } from './hooks.ts'
import { RestoreOutcome } from './restore-outcome.tsx'

interface Props {
  readonly folder: string // its store, in hex
  readonly row: FileRow
  readonly path: string // absolute
  readonly onClose: () => void
}

export function VersionsPanel({ folder, row, path, onClose }: Props) {
  const { t, i18n } = useTranslation('files')
  const { versions, key, restoring, restore } = useVersions(path)
  return (
    <aside className={css['panel']} aria-label={t('versions.title')}>
      <div className={controls['bar']}>
        <h2>
          <bdi>{row.name}</bdi>
        </h2>
        <span className={controls['grow']} />
        <button type="button" className={controls['quiet']} onClick={onClose} aria-label={t('close')}>
          ✕
        </button>
      </div>
      <RestoreOutcome restoring={restoring} />
      {versions.at === 'loading' && <Notice title={t('versions.loading')} />}
      {versions.at === 'failed' && (
        <p className={controls['fault']} role="alert">
          {versions.why.sentence}
        </p>
      )}
      {versions.at === 'loaded' && (
        <ol className={css['versions']}>
          {versions.items.map((version) => (
            <li key={toHex(version.hash)} data-current={version.current}>
              <div>
                <strong>{formatTime(version.timeMs, i18n.language, true)}</strong>
                <span>
                  {t(`change.${version.change}`, { defaultValue: version.change })} · <bdi>{version.deviceName}</bdi>
                </span>
                <span>
                  {formatBytes(version.size, i18n.language)} · <code>{shortHex(version.hash)}</code>
                </span>
              </div>
              {version.current ? (
                <span className={css['current']}>{t('versions.current')}</span>
              ) : (
                <button
                  type="button"
                  className={`${controls['button']} ${controls['small']}`}
                  disabled={restoring.at === 'running' || version.change === 'deleted'}
                  onClick={() => void restore(version.hash)}
                >
                  {t('versions.restore')}
                </button>
              )}
            </li>
          ))}
        </ol>
      )}
      {versions.at === 'loaded' && (
        <div className={controls['bar']}>
          <Link href={`/inspect/${folder}/${key}`} className={controls['button']}>
            {t('versions.branches')}
          </Link>
        </div>
      )}
    </aside>
  )
}
