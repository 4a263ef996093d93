/** Settings of this device, and how it is. Each part is reached by an address of its own. */
import { useTranslation } from 'react-i18next'
import { useLocation, useParams } from 'wouter'
import { Page } from '../../design/page.tsx'
import { Tabs } from '../../design/tabs.tsx'
import { Diagnostics } from './diagnostics.tsx'
import { General } from './general.tsx'
import { Network } from './network.tsx'
import { Storage } from './storage.tsx'

const parts = { general: General, network: Network, storage: Storage, diagnostics: Diagnostics } as const
const isPart = (part: string): part is keyof typeof parts => part in parts

export const SettingsPage = () => {
  const { t } = useTranslation('settings')
  const { part = 'general' } = useParams<{ part?: string }>()
  const [, navigate] = useLocation()
  return (
    <Page title={t('page.title')}>
      <Tabs
        label={t('page.title')}
        selected={isPart(part) ? part : 'general'}
        onSelect={(id) => navigate(`/settings/${id}`)}
        items={Object.entries(parts).map(([id, Part]) => ({ id, title: t(`page.${id}`), content: <Part /> }))}
      />
    </Page>
  )
}
