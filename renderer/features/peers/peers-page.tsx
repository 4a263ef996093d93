/** The devices this one shares with. */
import { useTranslation } from 'react-i18next'
import { useLocation } from 'wouter'
import type { PeerInfo } from '#proto/peer_api'
import { Button } from '../../design/button.tsx'
import { Card } from '../../design/card.tsx'
import { EmptyState } from '../../design/empty-state.tsx'
import { Icon } from '../../design/icons.tsx'
import { Menu } from '../../design/menu.tsx'
import { Page } from '../../design/page.tsx'
import { Tag } from '../../design/tag.tsx'
import layout from '../../design/layout.module.css'
import { roleKey } from '../../parts/roles.ts'
import { shortAddress } from '../../present/address.ts'
import { toHex } from '../../present/format.ts'
import { timeAgo } from '../../present/relative.ts'
import { useNow } from '../../present/use-now.ts'
import { useFolders, usePeers } from '../../state/node-store.ts'
import { PeerDialogs } from './dialogs.tsx'
import { lagOf } from './lag.ts'
import { MeshPicture } from './mesh-picture.tsx'
import { showPeerDialog } from './store.ts'
import css from './peers.module.css'

const situation = ({ revoked, connected, direct }: PeerInfo) =>
  revoked ? 'revoked' : !connected ? 'away' : direct ? 'direct' : 'relayed'

const tones = { revoked: 'bad', away: 'neutral', direct: 'good', relayed: 'info' } as const

const Lags = ({ peer }: { readonly peer: PeerInfo }) => {
  const { t } = useTranslation('peers')
  const folders = useFolders()
  return (
    <ul className={css['lags']}>
      {peer.lags.map((lag) => {
        const { key, count } = lagOf(lag)
        return (
          <li key={toHex(lag.storeId)}>
            <strong>{folders.get(toHex(lag.storeId))?.name ?? t('lag.otherFolder')}</strong>
            <span>{t(`lag.${key}`, { count })}</span>
          </li>
        )
      })}
    </ul>
  )
}

const PeerCard = ({ peer, now }: { readonly peer: PeerInfo; readonly now: number }) => {
  const { t, i18n } = useTranslation('peers')
  const is = situation(peer)
  const id = toHex(peer.device)
  const { name } = peer
  const seen = timeAgo(peer.lastSeenMs, now, i18n.language)
  return (
    <Card tone={tones[is]} label={name}>
      <div className={css['peer']}>
        <div className={layout['head']}>
          <h2>{name}</h2>
          <Tag tone={tones[is]}>{t(`state.${is}`)}</Tag>
        </div>
        <p className={layout['soft']}>
          {peer.connected
            ? [shortAddress(peer.address), peer.latencyMs > 0 ? t('mesh.latency', { ms: peer.latencyMs }) : '']
                .filter(Boolean)
                .join(' · ')
            : seen !== '' && t('lastSeen', { ago: seen })}
        </p>
        <ul className={css['memberships']}>
          {peer.memberships.map((membership) => (
            <li key={toHex(membership.storeId)}>
              {t('membership', { name: membership.name, role: t(`pairing:role.${roleKey(membership.role)}`) })}
            </li>
          ))}
        </ul>
        <Lags peer={peer} />
        <div className={css['foot']}>
          <code title={id}>{id.slice(0, 16)}</code>
          {!peer.revoked && (
            <Menu
              label={t('more', { name })}
              button={<Icon name="more" />}
              entries={[
                { id: 'rename', label: t('rename.open'), onChoose: () => showPeerDialog({ at: 'rename', peer }) },
                { id: 'role', label: t('setRole.open'), onChoose: () => showPeerDialog({ at: 'role', peer }) },
                {
                  id: 'revoke',
                  label: t('revoke.open'),
                  isDanger: true,
                  onChoose: () => showPeerDialog({ at: 'revoke', peer }),
                },
              ]}
            />
          )}
        </div>
      </div>
    </Card>
  )
}

export const PeersPage = () => {
  const { t, i18n } = useTranslation('peers')
  const [, navigate] = useLocation()
  const peers = usePeers()
  const now = useNow()
  const all = [...peers.values()]
  const order = new Intl.Collator(i18n.language, { numeric: true })
  const others = all
    .filter((peer) => !peer.self)
    .sort(
      (a, b) =>
        Number(a.revoked) - Number(b.revoked) ||
        Number(b.connected) - Number(a.connected) ||
        order.compare(a.name, b.name),
    )
  const invite = (
    <Button kind="primary" onPress={() => navigate('/pairing/invite')}>
      <Icon name="plus" size={18} />
      {t('page.invite')}
    </Button>
  )
  return (
    <Page title={t('page.title')} intro={t('page.intro')} actions={others.length > 0 && invite}>
      {others.length === 0 ? (
        <EmptyState title={t('page.empty')} action={invite}>
          {t('page.emptyText')}
        </EmptyState>
      ) : (
        <>
          <MeshPicture self={all.find((peer) => peer.self)} others={others.filter((peer) => !peer.revoked)} />
          <div className={css['cards']}>
            {others.map((peer) => (
              <PeerCard key={toHex(peer.device)} peer={peer} now={now} />
            ))}
          </div>
        </>
      )}
      <PeerDialogs />
    </Page>
  )
}
