/** A directory of the device that runs the node: typed, or chosen with the system's dialog where there is a shell. */
import { useTranslation } from 'react-i18next'
import { DesktopService } from '#proto/desktop_api'
import { useIsDesktop } from '../connection/desktop.ts'
import { Button } from '../design/button.tsx'
import { TextField } from '../design/field.tsx'
import type { Action } from '../present/use-action.ts'
import { useClient } from '../present/use-client.ts'
import css from './forms.module.css'

interface DirectoryFieldProps {
  readonly note: string
  readonly path: string
  readonly onPath: (path: string) => void
  /** What fails when the dialog cannot be shown. */
  readonly action: Action
}

export const DirectoryField = ({ note, path, onPath, action }: DirectoryFieldProps) => {
  const { t } = useTranslation('folders')
  const isDesktop = useIsDesktop()
  const desktop = useClient(DesktopService)
  const choose = async (): Promise<void> => {
    const chosen = await desktop.chooseDirectory({ title: t('add.title') })
    if (chosen.path !== '') onPath(chosen.path)
  }
  return (
    <div className={css['row']}>
      <TextField
        label={t('add.path')}
        note={note}
        placeholder={t('add.pathExample')}
        value={path}
        onChange={onPath}
        isRequired
        isCode
        autoFocus
      />
      {isDesktop && <Button onPress={() => void action.run(choose)}>{t('add.choose')}</Button>}
    </div>
  )
}
