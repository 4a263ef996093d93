/** One folder: its state in words, what moves, the last change, and what can be done with it. */
import { useTranslation } from 'react-i18next'
import { Link, useLocation } from 'wouter'
import { DesktopService } from '#proto/desktop_api'
import { FolderService, FolderState, type Folder } from '#proto/folder_api'
import { useIsDesktop } from '../../connection/desktop.ts'
import { Button } from '../../design/button.tsx'
import { Card } from '../../design/card.tsx'
import { Icon } from '../../design/icons.tsx'
import { Menu, type MenuEntry } from '../../design/menu.tsx'
import { Progress } from '../../design/progress.tsx'
import { Tag } from '../../design/tag.tsx'
import layout from '../../design/layout.module.css'
import { ActionError } from '../../parts/action-error.tsx'
import { formatBytes, toHex } from '../../present/format.ts'
import { duration, timeAgo } from '../../present/relative.ts'
import { useAction, type Action } from '../../present/use-action.ts'
import { useClient } from '../../present/use-client.ts'
import { usePeers } from '../../state/node-store.ts'
import { useRates } from '../../state/rates.ts'
import { showFolderDialog } from './store.ts'
import { shareHere, situationOf, timeLeftMs } from './words.ts'
import css from './folders.module.css'

const LastChange = ({ folder, now }: { readonly folder: Folder; readonly now: number }) => {
  const { t, i18n } = useTranslation('folders')
  const peers = usePeers()
  if (folder.changedMs === 0n) return null
  const author = peers.get(toHex(folder.changedBy))
  const by = author === undefined ? t('card.unknownDevice') : author.self ? t('card.thisDevice') : author.name
  const ago = timeAgo(folder.changedMs, now, i18n.language)
  return <p className={css['change']}>{t('card.lastChange', { path: folder.changedPath, by, ago })}</p>
}

const Moving = ({ folder }: { readonly folder: Folder }) => {
  const { t, i18n } = useTranslation('folders')
  const down = useRates((rates) => rates.down)
  const left = timeLeftMs(folder.bytesIn, down)
  return (
    <div className={css['moving']}>
      <Progress label={t('card.progress', { name: folder.name })} value={shareHere(folder)} />
      {folder.bytesIn > 0n && (
        <p>
          {t('card.bytesLeft', { bytes: formatBytes(folder.bytesIn, i18n.language) })}
          {left !== undefined && ` · ${t('card.timeLeft', { time: duration(left, i18n.language) })}`}
        </p>
      )}
    </div>
  )
}

const useMenu = (folder: Folder, action: Action): readonly MenuEntry[] => {
  const { t } = useTranslation('folders')
  const client = useClient(FolderService)
  const desktop = useClient(DesktopService)
  const isDesktop = useIsDesktop()
  const [, navigate] = useLocation()
  const id = toHex(folder.storeId)
  const isHere = folder.path !== ''
  const reveal: MenuEntry = {
    id: 'reveal',
    label: t('card.reveal'),
    onChoose: () => void action.run(() => desktop.revealPath({ path: folder.path })),
  }
  return [
    ...(isDesktop && isHere ? [reveal] : []),
    ...(isHere
      ? [
          { id: 'invite', label: t('card.invite'), onChoose: () => navigate(`/pairing/invite/${id}`) },
          {
            id: 'rescan',
            label: t('card.rescan'),
            onChoose: () => void action.run(() => client.rescanFolder({ folder: id })),
          },
          {
            id: 'remove',
            label: t('card.remove'),
            isDanger: true,
            onChoose: () => showFolderDialog({ at: 'remove', id, name: folder.name, path: folder.path }),
          },
        ]
      : [
          {
            id: 'forget',
            label: t('card.forget'),
            onChoose: () => void action.run(() => client.removeFolder({ folder: id })),
          },
        ]),
  ]
}

const KeepButton = ({ folder: { storeId, name, formerPath } }: { readonly folder: Folder }) => {
  const { t } = useTranslation('folders')
  return (
    <Button size="small" onPress={() => showFolderDialog({ at: 'keep', id: toHex(storeId), name, formerPath })}>
      {t('card.keep')}
    </Button>
  )
}

const PauseButton = ({ folder, action }: { readonly folder: Folder; readonly action: Action }) => {
  const { t } = useTranslation('folders')
  const client = useClient(FolderService)
  const request = { folder: toHex(folder.storeId) }
  const isPaused = folder.state === FolderState.PAUSED || folder.state === FolderState.REVOKED
  return (
    <Button
      size="small"
      onPress={() => void action.run(() => (isPaused ? client.resumeFolder(request) : client.pauseFolder(request)))}
    >
      {t(folder.state === FolderState.REVOKED ? 'card.askAgain' : isPaused ? 'card.resume' : 'card.pause')}
    </Button>
  )
}

export const FolderCard = ({ folder, now }: { readonly folder: Folder; readonly now: number }) => {
  const { t, i18n } = useTranslation('folders')
  const action = useAction()
  const menu = useMenu(folder, action)
  const { key, tone, count, other } = situationOf(folder)
  const size = formatBytes(folder.bytes, i18n.language)
  const isHere = folder.path !== ''
  return (
    <Card tone={tone} label={folder.name}>
      <div className={css['card']} data-state={key}>
        <div className={layout['head']}>
          <h2>{isHere ? <Link href={`/files/${toHex(folder.storeId)}`}>{folder.name}</Link> : folder.name}</h2>
          <Tag tone={tone}>{t(`state.${key}`, { count, other })}</Tag>
        </div>
        {isHere && (
          <p className={css['path']} dir="ltr">
            {folder.path}
          </p>
        )}
        {folder.problem !== '' && !folder.removal && <p className={css['problem']}>{folder.problem}</p>}
        {tone === 'info' && <Moving folder={folder} />}
        <LastChange folder={folder} now={now} />
        <ActionError action={action} />
        <div className={css['cardFoot']}>
          <span className={css['amount']}>
            {isHere ? t('card.files', { count: Number(folder.files), size }) : t('card.elsewhere')}
          </span>
          <div className={css['cardActions']}>
            {isHere ? <PauseButton folder={folder} action={action} /> : <KeepButton folder={folder} />}
            <Menu label={t('card.more', { name: folder.name })} button={<Icon name="more" />} entries={menu} />
          </div>
        </div>
      </div>
    </Card>
  )
}
