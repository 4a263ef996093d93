/** Renaming a device, giving it another role, and revoking it with an account of what that does. */
import { useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { PeerService, type PeerInfo } from '#proto/peer_api'
import { Button } from '../../design/button.tsx'
import { Dialog } from '../../design/dialog.tsx'
import { SelectField, TextField } from '../../design/field.tsx'
import { showToast } from '../../design/toast.tsx'
import layout from '../../design/layout.module.css'
import { ActionError } from '../../parts/action-error.tsx'
import { CallButton } from '../../parts/call-button.tsx'
import { roleKey, roleKeys, roleOf } from '../../parts/roles.ts'
import { toHex } from '../../present/format.ts'
import { useAction } from '../../present/use-action.ts'
import { useClient } from '../../present/use-client.ts'
import { closePeerDialog, usePeerDialog } from './store.ts'

interface CallDialogProps {
  readonly title: string
  readonly submit: string
  readonly done: string
  readonly call: () => Promise<unknown>
  readonly isDanger?: boolean
  readonly isReady?: boolean
  readonly children: ReactNode
}

/** A dialog that ends in one call: it closes when that went well, and says why when not. */
const CallDialog = ({ title, submit, done, call, isDanger = false, isReady = true, children }: CallDialogProps) => {
  const { t } = useTranslation('peers')
  const action = useAction()
  const go = async (): Promise<void> => {
    if (!(await action.run(call))) return
    showToast('good', done)
    closePeerDialog()
  }
  return (
    <Dialog
      isOpen
      alert={isDanger}
      title={title}
      onClose={closePeerDialog}
      actions={
        <>
          <Button onPress={closePeerDialog}>{t('cancel')}</Button>
          <CallButton
            kind={isDanger ? 'danger' : 'primary'}
            action={action}
            isDisabled={!isReady}
            onPress={() => void go()}
          >
            {submit}
          </CallButton>
        </>
      }
    >
      {children}
      <ActionError action={action} />
    </Dialog>
  )
}

const RenameDialog = ({ peer }: { readonly peer: PeerInfo }) => {
  const { t } = useTranslation('peers')
  const client = useClient(PeerService)
  const [name, setName] = useState(peer.name)
  return (
    <CallDialog
      title={t('rename.title', { name: peer.name })}
      submit={t('rename.submit')}
      done={t('rename.done', { name: name.trim() })}
      isReady={name.trim() !== ''}
      call={() => client.renamePeer({ peer: toHex(peer.device), name: name.trim() })}
    >
      <TextField
        label={t('rename.label')}
        note={t('rename.note')}
        value={name}
        onChange={setName}
        maxLength={64}
        autoFocus
      />
    </CallDialog>
  )
}

const RoleDialog = ({ peer }: { readonly peer: PeerInfo }) => {
  const { t } = useTranslation('peers')
  const client = useClient(PeerService)
  const [first] = peer.memberships
  const [target, setTarget] = useState(first === undefined ? '' : toHex(first.storeId))
  const [role, setRole] = useState<string>(first === undefined ? 'writer' : roleKey(first.role))
  const choose = (id: string): void => {
    setTarget(id)
    const membership = peer.memberships.find(({ storeId }) => toHex(storeId) === id)
    if (membership !== undefined) setRole(roleKey(membership.role))
  }
  return (
    <CallDialog
      title={t('setRole.title', { name: peer.name })}
      submit={t('setRole.submit')}
      done={t('setRole.done', { name: peer.name })}
      isReady={target !== ''}
      call={() => client.setRole({ peer: toHex(peer.device), target, role: roleOf(role) })}
    >
      <SelectField
        label={t('setRole.target')}
        choices={peer.memberships.map(({ storeId, name }) => ({ id: toHex(storeId), label: name }))}
        value={target}
        onChange={choose}
      />
      <SelectField
        label={t('setRole.role')}
        choices={roleKeys.map((id) => ({ id, label: t(`pairing:role.${id}`), note: t(`pairing:roleNote.${id}`) }))}
        value={role}
        onChange={setRole}
      />
      <p className={layout['soft']}>{t('setRole.note')}</p>
    </CallDialog>
  )
}

const RevokeDialog = ({ peer }: { readonly peer: PeerInfo }) => {
  const { t } = useTranslation('peers')
  const client = useClient(PeerService)
  return (
    <CallDialog
      isDanger
      title={t('revoke.title', { name: peer.name })}
      submit={t('revoke.submit')}
      done={t('revoke.done', { name: peer.name })}
      call={() => client.revokePeer({ peer: toHex(peer.device) })}
    >
      <ul className={layout['account']}>
        <li>{t('revoke.noMore', { name: peer.name })}</li>
        <li>{t('revoke.keeps')}</li>
        <li>{t('revoke.stays')}</li>
        <li>{t('revoke.everywhere')}</li>
      </ul>
    </CallDialog>
  )
}

export const PeerDialogs = () => {
  const dialog = usePeerDialog((state) => state.dialog)
  switch (dialog.at) {
    case 'closed':
      return null
    case 'rename':
      return <RenameDialog peer={dialog.peer} />
    case 'role':
      return <RoleDialog peer={dialog.peer} />
    case 'revoke':
      return <RevokeDialog peer={dialog.peer} />
  }
}
