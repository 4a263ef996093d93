/** The first steps on a new device: its name, then a folder or a link. Two screens, three actions to the first file. */
import { useEffect, useState } from 'react'
import { Form } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { NodeService } from '#proto/node_api'
import { Button } from '../../design/button.tsx'
import { TextField } from '../../design/field.tsx'
import { Mark } from '../../design/icons.tsx'
import { Tabs } from '../../design/tabs.tsx'
import layout from '../../design/layout.module.css'
import { ActionError } from '../../parts/action-error.tsx'
import { AddFolderForm } from '../../parts/add-folder-form.tsx'
import { CallButton } from '../../parts/call-button.tsx'
import { JoinForm } from '../../parts/join-form.tsx'
import { useAction } from '../../present/use-action.ts'
import { useClient } from '../../present/use-client.ts'
import { useNode } from '../../state/node-store.ts'
import { useRequestedLink } from '../../state/requested-link.ts'
import { Picture } from './picture.tsx'
import css from './onboarding.module.css'

/** The contract's: a name has 1 to 64 bytes. */
const NAME_BYTES_MAX = 64
const fits = (name: string): boolean => {
  const { length } = new TextEncoder().encode(name)
  return length > 0 && length <= NAME_BYTES_MAX
}

const NameStep = ({ onNamed }: { readonly onNamed: () => void }) => {
  const { t } = useTranslation('onboarding')
  const client = useClient(NodeService)
  const action = useAction()
  const current = useNode(({ facts }) => facts?.settings?.deviceName || facts?.status.name || '')
  const [name, setName] = useState(current)
  const save = async (): Promise<void> => {
    if (name.trim() !== current) await client.changeSettings({ deviceName: name.trim() })
    onNamed()
  }
  return (
    <Form
      className={css['step']}
      onSubmit={(event) => {
        event.preventDefault()
        void action.run(save)
      }}
    >
      <p className={css['count']}>{t('step', { step: 1, of: 2 })}</p>
      <h1>{t('name.title')}</h1>
      <p className={css['intro']}>{t('name.intro')}</p>
      <TextField
        label={t('name.label')}
        value={name}
        onChange={setName}
        error={name.trim() === '' || fits(name.trim()) ? undefined : t('name.tooLong')}
        isRequired
        autoFocus
      />
      <ActionError action={action} />
      <div className={layout['actions']}>
        {action.state.at === 'failed' && <Button onPress={onNamed}>{t('name.later')}</Button>}
        <CallButton kind="primary" type="submit" action={action} isDisabled={!fits(name.trim())}>
          {t('name.submit')}
        </CallButton>
      </div>
    </Form>
  )
}

interface Ways {
  /** The steps are done, or put off. */
  readonly onDone: () => void
  readonly onJoined: () => void
}

const BeginStep = ({ onDone, onJoined }: Ways) => {
  const { t } = useTranslation('onboarding')
  const link = useRequestedLink((requested) => requested.link)
  const [part, setPart] = useState('create')
  // Also one that is clicked while this is shown.
  useEffect(() => {
    if (link !== undefined) setPart('join')
  }, [link])
  return (
    <div className={css['step']}>
      <p className={css['count']}>{t('step', { step: 2, of: 2 })}</p>
      <h1>{t('begin.title')}</h1>
      <Tabs
        label={t('begin.title')}
        selected={part}
        onSelect={setPart}
        items={[
          {
            id: 'create',
            title: t('begin.create'),
            content: (
              <>
                <p className={css['intro']}>{t('begin.createIntro')}</p>
                <AddFolderForm onAdded={onDone} />
              </>
            ),
          },
          {
            id: 'join',
            title: t('begin.join'),
            content: (
              <>
                <p className={css['intro']}>{t('begin.joinIntro')}</p>
                <JoinForm key={link ?? ''} initialLink={link} onJoined={onJoined} />
              </>
            ),
          },
        ]}
      />
      <div className={css['later']}>
        <Button kind="quiet" size="small" onPress={onDone}>
          {t('begin.later')}
        </Button>
      </div>
    </div>
  )
}

export const Onboarding = (ways: Ways) => {
  const { t } = useTranslation('onboarding')
  const [step, setStep] = useState<'name' | 'begin'>('name')
  return (
    <main className={css['screen']}>
      <aside className={css['side']}>
        <div className={css['brand']}>
          <Mark size={34} />
          <span>Lattice</span>
        </div>
        <Picture />
        <p className={css['promise']}>{t('promise')}</p>
      </aside>
      <div className={css['content']}>
        {step === 'name' ? <NameStep onNamed={() => setStep('begin')} /> : <BeginStep {...ways} />}
      </div>
    </main>
  )
}
