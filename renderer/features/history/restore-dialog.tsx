/** What restoring a directory would do, asked before it is done; then what it did. */
import { useTranslation } from 'react-i18next'
import type { RestoreTreeResponse } from '#proto/file_api'
import { Button } from '../../design/button.tsx'
import { Dialog } from '../../design/dialog.tsx'
import controls from '../../present/controls.module.css'
import { formatTime } from '../../present/format.ts'
import css from './history-screen.module.css'
import { changesNothing, type TreeRestoring } from './store.ts'

interface Props {
  readonly tree: TreeRestoring
  readonly onConfirm: () => void
  readonly onClose: () => void
}

export function RestoreDialog({ tree, onConfirm, onClose }: Props) {
  const { t, i18n } = useTranslation('history')
  if (tree.at === 'idle' || tree.at === 'previewing') return null
  const isAsking = tree.at === 'asking' || tree.at === 'restoring'
  const isRestoring = tree.at === 'restoring'
  const canRestore = isAsking && !changesNothing(tree.preview)
  return (
    <Dialog
      isOpen
      title={t(tree.at === 'failed' ? 'restore.failed' : isAsking ? 'restore.title' : 'restore.done')}
      onClose={isRestoring ? () => undefined : onClose}
      actions={
        <>
          <Button isDisabled={isRestoring} onPress={onClose} autoFocus={!canRestore}>
            {t(isAsking ? 'restore.cancel' : 'restore.close')}
          </Button>
          {canRestore && (
            <Button kind="primary" isPending={isRestoring} onPress={onConfirm} autoFocus>
              {t(isRestoring ? 'restore.running' : 'restore.confirm')}
            </Button>
          )}
        </>
      }
    >
      {tree.at === 'failed' && <p className={controls['fault']}>{tree.why.sentence}</p>}
      {isAsking && (
        <p>
          {changesNothing(tree.preview)
            ? t('restore.nothing')
            : t('restore.ask', { path: tree.path || t('tree.root'), time: formatTime(tree.atMs, i18n.language) })}
        </p>
      )}
      {isAsking && <Counts tree={tree.preview} />}
      {tree.at === 'done' && <Counts tree={tree.done} />}
    </Dialog>
  )
}

function Counts({ tree }: { readonly tree: RestoreTreeResponse }) {
  const { t } = useTranslation('history')
  return (
    <>
      <ul className={css['counts']}>
        {(['restored', 'reverted', 'moved', 'removed'] as const).map((what) => (
          <li key={what} data-none={tree[what] === 0}>
            <strong>{tree[what]}</strong> {t(`restore.${what}`)}
          </li>
        ))}
      </ul>
      {tree.missing.length > 0 && (
        <Paths title={t('restore.missing', { count: tree.missing.length })} paths={tree.missing} isOpen />
      )}
      {tree.sample.length > 0 && <Paths title={t('restore.sample')} paths={tree.sample} isOpen={false} />}
    </>
  )
}

interface PathsProps {
  readonly title: string
  readonly paths: readonly string[]
  readonly isOpen: boolean
}

const Paths = ({ title, paths, isOpen }: PathsProps) => (
  <details open={isOpen} className={css['paths']}>
    <summary>{title}</summary>
    <ul>
      {paths.map((path) => (
        <li key={path}>
          <bdi>{path}</bdi>
        </li>
      ))}
    </ul>
  </details>
)
