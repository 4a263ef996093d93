/** Devices that wait to be let in, above every screen: who, from where, to what, and the words to compare. */
import { useTranslation } from 'react-i18next'
import { InviteService, type PendingJoin } from '#proto/invite_api'
import { Card } from '../../design/card.tsx'
import { showToast } from '../../design/toast.tsx'
import layout from '../../design/layout.module.css'
import { ActionError } from '../../parts/action-error.tsx'
import { CallButton } from '../../parts/call-button.tsx'
import { roleKey } from '../../parts/roles.ts'
import { useIsReadable, Words } from '../../parts/words.tsx'
import { shortAddress } from '../../present/address.ts'
import { timeAgo } from '../../present/relative.ts'
import { useAction } from '../../present/use-action.ts'
import { useClient } from '../../present/use-client.ts'
import { useNow } from '../../present/use-now.ts'
import { useNode } from '../../state/node-store.ts'
import css from './pairing.module.css'

const Incoming = ({ join, now }: { readonly join: PendingJoin; readonly now: number }) => {
  const { t, i18n } = useTranslation('pairing')
  const client = useClient(InviteService)
  const action = useAction()
  const isReadable = useIsReadable()
  const answer = async (accept: boolean): Promise<void> => {
    if (!(await action.run(() => client.answerJoin({ id: join.id, accept })))) return
    showToast('good', t(accept ? 'incoming.accepted' : 'incoming.refused', { name: join.deviceName }))
  }
  return (
    <Card tone="warn" label={t('incoming.title', { name: join.deviceName })}>
      <h2 className={layout['title']}>{t('incoming.title', { name: join.deviceName })}</h2>
      <div className={layout['form']}>
        <p>{t('incoming.text', { target: join.target, role: t(`role.${roleKey(join.role)}`) })}</p>
        <p className={layout['soft']}>
          {t('incoming.from', { address: shortAddress(join.address), ago: timeAgo(join.sinceMs, now, i18n.language) })}
        </p>
        <p>{t('incoming.compare')}</p>
        <Words words={join.words} />
        <ActionError action={action} />
        <div className={layout['actions']}>
          <CallButton action={action} onPress={() => void answer(false)}>
            {t('incoming.refuse')}
          </CallButton>
          <CallButton kind="primary" action={action} isDisabled={!isReadable} onPress={() => void answer(true)}>
            {t('incoming.accept')}
          </CallButton>
        </div>
      </div>
    </Card>
  )
}

/** Its person says that the words differ: nobody is let in, and the one here should know that somebody may be in between. */
const Differing = ({ join }: { readonly join: PendingJoin }) => {
  const { t } = useTranslation('pairing')
  const client = useClient(InviteService)
  const action = useAction()
  const name = join.deviceName
  return (
    <Card tone="bad" label={t('incoming.differs', { name })}>
      <h2 className={layout['title']}>{t('incoming.differs', { name })}</h2>
      <div className={layout['form']}>
        <p>{t('incoming.differsText', { target: join.target })}</p>
        <ActionError action={action} />
        <div className={layout['actions']}>
          <CallButton
            action={action}
            onPress={() => void action.run(() => client.answerJoin({ id: join.id, accept: false }))}
          >
            {t('incoming.dismiss')}
          </CallButton>
        </div>
      </div>
    </Card>
  )
}

const nobody: readonly PendingJoin[] = []

export const IncomingJoins = () => {
  const joins = useNode(({ facts }) => facts?.pendingJoins ?? nobody)
  const now = useNow()
  if (joins.length === 0) return null
  return (
    <div className={css['incoming']} role="alert">
      {joins.map((join) =>
        join.differs ? <Differing key={join.id} join={join} /> : <Incoming key={join.id} join={join} now={now} />,
      )}
    </div>
  )
}
