/** Adding a folder, and removing one with all that this means for its files. */
import { useTranslation } from 'react-i18next'
import { FolderService } from '#proto/folder_api'
import { Button } from '../../design/button.tsx'
import { Dialog } from '../../design/dialog.tsx'
import { showToast } from '../../design/toast.tsx'
import layout from '../../design/layout.module.css'
import { ActionError } from '../../parts/action-error.tsx'
import { AddFolderForm } from '../../parts/add-folder-form.tsx'
import { CallButton } from '../../parts/call-button.tsx'
import { useAction } from '../../present/use-action.ts'
import { useClient } from '../../present/use-client.ts'
import { closeFolderDialog, useFolderDialog, type FolderDialog } from './store.ts'

const RemoveDialog = ({ id, name, path }: Extract<FolderDialog, { at: 'remove' }>) => {
  const { t } = useTranslation('folders')
  const client = useClient(FolderService)
  const action = useAction()
  const remove = async (): Promise<void> => {
    if (!(await action.run(() => client.removeFolder({ folder: id })))) return
    showToast('good', t('remove.done', { name }))
    closeFolderDialog()
  }
  return (
    <Dialog
      alert
      isOpen
      title={t('remove.title', { name })}
      onClose={closeFolderDialog}
      actions={
        <>
          <Button onPress={closeFolderDialog} autoFocus>
            {t('remove.cancel')}
          </Button>
          <CallButton kind="danger" action={action} onPress={() => void remove()}>
            {t('remove.submit')}
          </CallButton>
        </>
      }
    >
      <ul className={layout['account']}>
        <li>{t('remove.filesStay', { path })}</li>
        <li>{t('remove.othersKeep')}</li>
        <li>{t('remove.noMoreSync')}</li>
      </ul>
      <ActionError action={action} />
    </Dialog>
  )
}

export const FolderDialogs = ({ onAdded }: { readonly onAdded?: (() => void) | undefined }) => {
  const { t } = useTranslation('folders')
  const dialog = useFolderDialog((state) => state.dialog)
  if (dialog.at === 'remove') return <RemoveDialog {...dialog} />
  if (dialog.at === 'closed') return null
  return (
    <Dialog isOpen title={t('add.title')} onClose={closeFolderDialog}>
      <AddFolderForm
        initialPath={dialog.path}
        initialName={dialog.name}
        extraAction={<Button onPress={closeFolderDialog}>{t('add.cancel')}</Button>}
        onAdded={(name) => {
          closeFolderDialog()
          showToast('good', t('add.done', { name }))
          onAdded?.()
        }}
      />
    </Dialog>
  )
}
