/** Adding a folder, removing one with all that this means for its files, and keeping that one here again. */
import { useState } from 'react'
import { Form } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { FolderService } from '#proto/folder_api'
import { Button } from '../../design/button.tsx'
import { Dialog } from '../../design/dialog.tsx'
import { showToast } from '../../design/toast.tsx'
import layout from '../../design/layout.module.css'
import { ActionError } from '../../parts/action-error.tsx'
import { AddFolderForm } from '../../parts/add-folder-form.tsx'
import { CallButton } from '../../parts/call-button.tsx'
import { DirectoryField } from '../../parts/directory-field.tsx'
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

const KeepDialog = ({ id, name, formerPath }: Extract<FolderDialog, { at: 'keep' }>) => {
  const { t } = useTranslation('folders')
  const client = useClient(FolderService)
  const action = useAction()
  const [path, setPath] = useState(formerPath)
  const keep = async (): Promise<void> => {
    if (!(await action.run(() => client.keepFolder({ folder: id, path: path.trim() })))) return
    showToast('good', t('keep.done', { name }))
    closeFolderDialog()
  }
  return (
    <Dialog isOpen title={t('keep.title', { name })} onClose={closeFolderDialog}>
      <Form
        className={layout['form']}
        onSubmit={(event) => {
          event.preventDefault()
          void keep()
        }}
      >
        <p>{t('keep.text')}</p>
        <DirectoryField note={t('keep.pathNote')} path={path} onPath={setPath} action={action} />
        <ActionError action={action} />
        <div className={layout['actions']}>
          <Button onPress={closeFolderDialog}>{t('add.cancel')}</Button>
          <CallButton kind="primary" type="submit" action={action} isDisabled={path.trim() === ''}>
            {t('keep.submit')}
          </CallButton>
        </div>
      </Form>
    </Dialog>
  )
}

export const FolderDialogs = ({ onAdded }: { readonly onAdded?: (() => void) | undefined }) => {
  const { t } = useTranslation('folders')
  const dialog = useFolderDialog((state) => state.dialog)
  if (dialog.at === 'remove') return <RemoveDialog {...dialog} />
  if (dialog.at === 'keep') return <KeepDialog {...dialog} />
  if (dialog.at === 'closed') return null
  return (
    <Dialog isOpen title={t('add.title')} onClose={closeFolderDialog}>
      <AddFolderForm
        key={`${dialog.path}\n${dialog.name}`}
        initialPath={dialog.path}
        initialName={dialog.name}
        extraAction={<Button onPress={closeFolderDialog}>{t('add.cancel')}</Button>}
        onAdded={(name) => {
          // Not what was dropped meanwhile.
          if (useFolderDialog.getState().dialog === dialog) closeFolderDialog()
          showToast('good', t('add.done', { name }))
          onAdded?.()
        }}
      />
    </Dialog>
  )
}
