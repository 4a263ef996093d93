/**
 * Choosing a directory to keep in sync: typed, chosen with the system's dialog where there is a shell, or dropped on
 * the window (whoever shows this form passes the path then).
 */
import { useState, type ReactNode } from 'react'
import { Form } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { FolderService } from '#proto/folder_api'
import { useIsDesktop } from '../connection/desktop.ts'
import { TextField } from '../design/field.tsx'
import layout from '../design/layout.module.css'
import { useAction } from '../present/use-action.ts'
import { useClient } from '../present/use-client.ts'
import { ActionError } from './action-error.tsx'
import { CallButton } from './call-button.tsx'
import { DirectoryField } from './directory-field.tsx'

interface AddFolderFormProps {
  readonly initialPath?: string
  /** Of a directory that was dropped where paths are not told. */
  readonly initialName?: string
  readonly onAdded: (name: string) => void
  readonly extraAction?: ReactNode
}

export const AddFolderForm = ({ initialPath = '', initialName = '', onAdded, extraAction }: AddFolderFormProps) => {
  const { t } = useTranslation('folders')
  const isDesktop = useIsDesktop()
  const client = useClient(FolderService)
  const action = useAction()
  const [path, setPath] = useState(initialPath)
  const [name, setName] = useState(initialName)
  const add = async (): Promise<void> => {
    const { folder } = await client.addFolder({ path: path.trim(), name: name.trim() })
    onAdded(folder?.name ?? name)
  }
  return (
    <Form
      className={layout['form']}
      onSubmit={(event) => {
        event.preventDefault()
        void action.run(add)
      }}
    >
      <DirectoryField
        note={isDesktop ? t('add.pathNoteDesktop') : t('add.pathNote')}
        path={path}
        onPath={setPath}
        action={action}
      />
      <TextField label={t('add.name')} note={t('add.nameNote')} value={name} onChange={setName} maxLength={255} />
      <ActionError action={action} />
      <div className={layout['actions']}>
        {extraAction}
        <CallButton kind="primary" type="submit" action={action} isDisabled={path.trim() === ''}>
          {t('add.submit')}
        </CallButton>
      </div>
    </Form>
  )
}
