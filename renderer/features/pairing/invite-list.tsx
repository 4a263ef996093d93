/** The invites that were made: what each still lets in, and taking it back. */
import { useCallback } from 'react'
import { useTranslation } from 'react-i18next'
import { InviteService, type InviteInfo } from '#proto/invite_api'
import type { Tone } from '../../design/card.tsx'
import { Button } from '../../design/button.tsx'
import { Card } from '../../design/card.tsx'
import { ErrorNote } from '../../design/error-note.tsx'
import { Tag } from '../../design/tag.tsx'
import layout from '../../design/layout.module.css'
import { ActionError } from '../../parts/action-error.tsx'
import { CallButton } from '../../parts/call-button.tsx'
import { roleKey } from '../../parts/roles.ts'
import { formatTime, toHex } from '../../present/format.ts'
import { useAction } from '../../present/use-action.ts'
import { useClient } from '../../present/use-client.ts'
import { useLoaded } from '../../present/use-loaded.ts'
import { useNow } from '../../present/use-now.ts'
import { useNode } from '../../state/node-store.ts'
import { standing } from './standing.ts'
import css from './pairing.module.css'

const tones: Readonly<Record<ReturnType<typeof standing>, Tone>> = {
  open: 'good',
  used: 'neutral',
  expired: 'neutral',
  revoked: 'neutral',
}

const Row = ({ invite, now, onRevoked }: { invite: InviteInfo; now: number; onRevoked: () => void }) => {
  const { t, i18n } = useTranslation('pairing')
  const client = useClient(InviteService)
  const action = useAction()
  const is = standing(invite, now)
  const revoke = async (): Promise<void> => {
    if (await action.run(() => client.revokeInvite({ id: toHex(invite.id) }))) onRevoked()
  }
  const time = formatTime(invite.expiresMs, i18n.language)
  return (
    <li className={css['invite']}>
      <div className={layout['head']}>
        <strong>{invite.target}</strong>
        <Tag tone={tones[is]}>{t(`standing.${is}`)}</Tag>
      </div>
      <p className={layout['soft']}>
        {t('list.facts', { role: t(`role.${roleKey(invite.role)}`), used: invite.used, uses: invite.uses, time })}
      </p>
      <ActionError action={action} />
      {is === 'open' && (
        <CallButton size="small" action={action} onPress={() => void revoke()}>
          {t('list.revoke')}
        </CallButton>
      )}
    </li>
  )
}

/** `round`: another number asks again, for what was done beside the list. */
export const InviteList = ({ round }: { readonly round: number }) => {
  const { t } = useTranslation('pairing')
  const client = useClient(InviteService)
  // The node tells when invites change; each time the list is another question.
  const told = useNode(({ facts }) => facts?.invites)
  const load = useCallback(
    async (signal: AbortSignal) => (await client.listInvites({}, { signal })).invites,
    [client, told, round], // the latter two are no input of the call, but reasons to make it again
  )
  const [loaded, again] = useLoaded(load)
  const now = useNow()
  return (
    <Card label={t('list.title')}>
      <h2 className={layout['title']}>{t('list.title')}</h2>
      {loaded.at === 'failed' && (
        <ErrorNote failure={loaded.failure} action={<Button onPress={again}>{t('design:again')}</Button>} />
      )}
      {loaded.at === 'ready' && loaded.value.length === 0 && <p className={layout['soft']}>{t('list.empty')}</p>}
      {loaded.at === 'ready' && (
        <ul className={css['invites']}>
          {loaded.value.map((invite) => (
            <Row key={toHex(invite.id)} invite={invite} now={now} onRevoked={again} />
          ))}
        </ul>
      )}
    </Card>
  )
}
