/** All folders of this device, those it could have among them. */
import { useTranslation } from 'react-i18next'
import { Button } from '../../design/button.tsx'
import { EmptyState } from '../../design/empty-state.tsx'
import { Icon } from '../../design/icons.tsx'
import { Page } from '../../design/page.tsx'
import { useNow } from '../../present/use-now.ts'
import { useFolders } from '../../state/node-store.ts'
import { FolderCard } from './folder-card.tsx'
import { RemovalNotices } from './removal-notices.tsx'
import { showFolderDialog } from './store.ts'
import css from './folders.module.css'

export const FoldersPage = () => {
  const { t, i18n } = useTranslation('folders')
  const folders = useFolders()
  const now = useNow()
  const add = (
    <Button kind="primary" onPress={() => showFolderDialog({ at: 'add' })}>
      <Icon name="plus" size={18} />
      {t('page.add')}
    </Button>
  )
  const order = new Intl.Collator(i18n.language, { numeric: true })
  const sorted = [...folders].sort(([, a], [, b]) => order.compare(a.name, b.name))
  return (
    <Page title={t('page.title')} intro={t('page.intro')} actions={sorted.length > 0 && add}>
      <RemovalNotices />
      {sorted.length === 0 ? (
        <EmptyState title={t('page.empty')} action={add}>
          {t('page.emptyText')}
        </EmptyState>
      ) : (
        <div className={css['cards']}>
          {sorted.map(([id, folder]) => (
            <FolderCard key={id} folder={folder} now={now} />
          ))}
        </div>
      )}
    </Page>
  )
}
