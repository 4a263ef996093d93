/** One directory as it was at a time, and restoring a file, or all of the directory, to that. */
import { useDeferredValue } from 'react'
import { useTranslation } from 'react-i18next'
import { EntryKind, type FileRow } from '#proto/file_api'
import layout from '../../design/layout.module.css'
import controls from '../../present/controls.module.css'
import { formatBytes, formatTime } from '../../present/format.ts'
import css from './history-screen.module.css'
import { usePast, useRestore } from './hooks.ts'
import { RestoreDialog } from './restore-dialog.tsx'

interface Props {
  readonly folder: string
  readonly root: string // absolute path of the folder
  readonly path: string
  readonly atMs: number
  readonly isNow: boolean
  readonly nameOf: (device: Uint8Array) => string
  readonly onPath: (path: string) => void
}

export function PastTree({ folder, root, path, atMs, isNow, nameOf, onPath }: Props) {
  const { t } = useTranslation('history')
  // While the slider moves, trees of times that are past already are not waited for.
  const { pages, more } = usePast(folder, path, useDeferredValue(atMs))
  const { tree, file, preview, confirm, dismiss, restoreFile } = useRestore(folder)
  const under = (name: string): string => (path === '' ? name : `${path}/${name}`)
  return (
    <section className={css['tree']} aria-label={t('tree.label')}>
      <div className={controls['bar']}>
        <Crumbs path={path} onPath={onPath} />
        <span className={controls['grow']} />
        <button
          type="button"
          className={controls['primary']}
          // Not disabled while it is worked out what would be done: the dialog gives the focus back to it.
          disabled={isNow}
          aria-busy={tree.at === 'previewing'}
          onClick={() => tree.at !== 'previewing' && void preview(path, atMs)}
        >
          {t(path === '' ? 'tree.restoreAll' : 'tree.restoreDirectory')}
        </button>
      </div>
      {file.at === 'done' && (
        <p className={css['good']} role="status">
          {t('tree.fileRestored', { path: file.path })}
        </p>
      )}
      {(file.at === 'failed' || pages.at === 'failed') && (
        <p className={controls['fault']} role="alert">
          {file.at === 'failed' ? file.why.sentence : pages.at === 'failed' ? pages.why.sentence : ''}
        </p>
      )}
      <ul className={css['rows']} tabIndex={0} aria-label={t('tree.label')} aria-busy={pages.at === 'loading'}>
        {pages.items.map((row) => (
          <PastRow
            key={row.name}
            row={row}
            by={row.changedBy.length === 0 ? '' : nameOf(row.changedBy)}
            canRestore={!isNow && root !== ''}
            onOpen={() => onPath(under(row.name))}
            onRestore={() => void restoreFile(`${root}/${under(row.name)}`, atMs)}
          />
        ))}
      </ul>
      {pages.at === 'loaded' && pages.items.length === 0 && <p className={layout['soft']}>{t('tree.nothing')}</p>}
      {pages.at === 'loaded' && pages.next !== '' && (
        <button type="button" className={controls['button']} onClick={more}>
          {t('more')}
        </button>
      )}
      <RestoreDialog tree={tree} onConfirm={() => void confirm()} onClose={dismiss} />
    </section>
  )
}

function Crumbs({ path, onPath }: { readonly path: string; readonly onPath: (path: string) => void }) {
  const { t } = useTranslation('history')
  const names = path.split('/').filter((name) => name !== '')
  return (
    <nav aria-label={t('tree.label')} className={css['crumbs']}>
      <button type="button" className={controls['quiet']} onClick={() => onPath('')} disabled={path === ''}>
        {t('tree.root')}
      </button>
      {names.map((name, at) => (
        <button
          key={at}
          type="button"
          className={controls['quiet']}
          disabled={at === names.length - 1}
          onClick={() => onPath(names.slice(0, at + 1).join('/'))}
        >
          <span aria-hidden>/</span>
          <bdi>{name}</bdi>
        </button>
      ))}
    </nav>
  )
}

interface RowProps {
  readonly row: FileRow
  readonly by: string
  readonly canRestore: boolean
  readonly onOpen: () => void
  readonly onRestore: () => void
}

function PastRow({ row, by, canRestore, onOpen, onRestore }: RowProps) {
  const { t, i18n } = useTranslation('history')
  const isDirectory = row.kind === EntryKind.DIRECTORY
  return (
    <li>
      <div>
        {isDirectory ? (
          <button type="button" className={css['open']} onClick={onOpen}>
            <bdi>{row.name}/</bdi>
          </button>
        ) : (
          <bdi>{row.name}</bdi>
        )}
        <small>
          {[isDirectory ? '' : formatBytes(row.size, i18n.language), formatTime(row.changedMs, i18n.language), by]
            .filter((part) => part !== '')
            .join(' · ')}
        </small>
      </div>
      {!isDirectory && (
        <button
          type="button"
          className={`${controls['button']} ${controls['small']}`}
          disabled={!canRestore}
          aria-label={t('tree.restoreFile', { name: row.name })}
          onClick={onRestore}
        >
          {t('tree.restore')}
        </button>
      )}
    </li>
  )
}
