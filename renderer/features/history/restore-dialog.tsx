/** What restoring a directory would do, asked before it is done; then what it did. */
import { Dialog, Heading, Modal, ModalOverlay } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import type { RestoreTreeResponse } from '#proto/file_api'
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
  return (
    <ModalOverlay isOpen isDismissable={tree.at !== 'restoring'} onOpenChange={onClose} className={css['veil']!}>
      <Modal className={css['modal']!}>
        <Dialog className={css['dialog']!}>
          <Heading slot="title">
            {t(tree.at === 'failed' ? 'restore.failed' : isAsking ? 'restore.title' : 'restore.done')}
          </Heading>
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
          <div className={controls['bar']}>
            <span className={controls['grow']} />
            <button type="button" className={controls['button']} disabled={tree.at === 'restoring'} onClick={onClose}>
              {t(isAsking ? 'restore.cancel' : 'restore.close')}
            </button>
            {isAsking && !changesNothing(tree.preview) && (
              <button
                type="button"
                className={controls['primary']}
                disabled={tree.at === 'restoring'}
                onClick={onConfirm}
              >
                {t(tree.at === 'restoring' ? 'restore.running' : 'restore.confirm')}
              </button>
            )}
          </div>
        </Dialog>
      </Modal>
    </ModalOverlay>
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
