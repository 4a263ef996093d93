/** Letting devices in, and being let in: an invite as link and picture, the invites there are, and a link to follow. */
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useLocation, useParams } from 'wouter'
import { Card } from '../../design/card.tsx'
import { Page } from '../../design/page.tsx'
import { Tabs } from '../../design/tabs.tsx'
import { showToast } from '../../design/toast.tsx'
import { JoinForm } from '../../parts/join-form.tsx'
import { useRequestedLink } from '../../state/requested-link.ts'
import { CreateInvite } from './create-invite.tsx'
import { InviteList } from './invite-list.tsx'
import css from './pairing.module.css'

const Join = () => {
  const { t } = useTranslation('pairing')
  const [, navigate] = useLocation()
  const link = useRequestedLink((requested) => requested.link)
  const joined = (name: string): void => {
    useRequestedLink.setState({ link: undefined })
    showToast('good', t('join.done', { name }))
    navigate('/folders')
  }
  return (
    <Card>
      {/* Another link that was clicked is another form. */}
      <JoinForm key={link ?? ''} initialLink={link} onJoined={joined} />
    </Card>
  )
}

export const PairingPage = () => {
  const { t } = useTranslation('pairing')
  const { part, target } = useParams<{ part?: string; target?: string }>()
  const [, navigate] = useLocation()
  const [made, setMade] = useState(0)
  return (
    <Page title={t('page.title')} intro={t('page.intro')}>
      <Tabs
        label={t('page.title')}
        selected={part === 'join' ? 'join' : 'invite'}
        onSelect={(id) => navigate(`/pairing/${id}`)}
        items={[
          {
            id: 'invite',
            title: t('page.invite'),
            content: (
              <div className={css['columns']}>
                <CreateInvite key={target ?? ''} initialTarget={target} onMade={() => setMade(made + 1)} />
                <InviteList round={made} />
              </div>
            ),
          },
          {
            id: 'join',
            title: t('page.join'),
            content: (
              <div className={css['narrow']}>
                <Join />
              </div>
            ),
          },
        ]}
      />
    </Page>
  )
}
