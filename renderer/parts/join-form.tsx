/**
 * Following a link: it is looked at first, without telling anyone; then the person says where the files go, and joins.
 * Where somebody there must let him in, the four words stay on the screen meanwhile, and going back takes the wish back.
 */
import { useRef, useState } from 'react'
import { Form } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { InviteService, type PreviewLinkResponse } from '#proto/invite_api'
import { Button } from '../design/button.tsx'
import { TextField } from '../design/field.tsx'
import layout from '../design/layout.module.css'
import { formatTime } from '../present/format.ts'
import { useAction, type Action } from '../present/use-action.ts'
import { useClient } from '../present/use-client.ts'
import { ActionError } from './action-error.tsx'
import { CallButton } from './call-button.tsx'
import { roleKey } from './roles.ts'
import { Words } from './words.tsx'
import css from './forms.module.css'

interface JoinFormProps {
  readonly initialLink?: string
  readonly onJoined: (name: string) => void
}

type Step = { readonly at: 'link' } | { readonly at: 'preview'; readonly preview: PreviewLinkResponse }

const Preview = ({ preview }: { readonly preview: PreviewLinkResponse }) => {
  const { t, i18n } = useTranslation('pairing')
  return (
    <>
      <dl className={css['facts']}>
        <dt>{t(preview.folder ? 'join.folder' : 'join.space')}</dt>
        <dd>{preview.name === '' ? t('join.unnamed') : preview.name}</dd>
        <dt>{t('join.role')}</dt>
        <dd>{t(`role.${roleKey(preview.role)}`)}</dd>
        <dt>{t('join.expires')}</dt>
        <dd>{formatTime(preview.expiresMs, i18n.language)}</dd>
      </dl>
      {preview.approval ? (
        <>
          <p>{t('join.compare')}</p>
          <Words words={preview.words} />
        </>
      ) : (
        <p className={layout['soft']}>{t('join.unasked')}</p>
      )}
      {preview.known && <p className={layout['soft']}>{t('join.known')}</p>}
    </>
  )
}

/** Where the files go, and the last step. */
const JoinStep = ({
  asks,
  action,
  onBack,
  onJoin,
}: {
  /** Whether somebody there is asked. */
  asks: boolean
  action: Action
  onBack: () => void
  onJoin: (path: string) => void
}) => {
  const { t } = useTranslation('pairing')
  const [path, setPath] = useState('')
  const isRunning = action.state.at === 'running'
  return (
    <Form
      className={layout['form']}
      onSubmit={(event) => {
        event.preventDefault()
        onJoin(path.trim())
      }}
    >
      <TextField label={t('join.path')} note={t('join.pathNote')} value={path} onChange={setPath} isCode />
      <ActionError action={action} />
      <div className={layout['actions']}>
        <Button onPress={onBack}>{t(isRunning ? 'join.cancel' : 'join.back')}</Button>
        <CallButton kind="primary" type="submit" action={action}>
          {t(isRunning ? 'join.waiting' : asks ? 'join.ask' : 'join.submit')}
        </CallButton>
      </div>
    </Form>
  )
}

export const JoinForm = ({ initialLink = '', onJoined }: JoinFormProps) => {
  const { t } = useTranslation('pairing')
  const client = useClient(InviteService)
  const action = useAction()
  const [link, setLink] = useState(initialLink)
  const [step, setStep] = useState<Step>({ at: 'link' })
  const look = async (): Promise<void> =>
    setStep({ at: 'preview', preview: await client.previewLink({ link: link.trim() }) })
  const asking = useRef<AbortController>(undefined)
  const join = async (path: string): Promise<void> => {
    const { signal } = (asking.current = new AbortController())
    try {
      const { name } = await client.join({ link: link.trim(), path }, { signal })
      onJoined(name)
    } catch (thrown) {
      if (!signal.aborted) throw thrown
    }
  }
  if (step.at === 'preview')
    return (
      <div className={layout['form']}>
        <Preview preview={step.preview} />
        <JoinStep
          asks={step.preview.approval}
          action={action}
          onBack={() => {
            asking.current?.abort()
            action.reset()
            setStep({ at: 'link' })
          }}
          onJoin={(path) => void action.run(() => join(path))}
        />
      </div>
    )
  return (
    <Form
      className={layout['form']}
      onSubmit={(event) => {
        event.preventDefault()
        void action.run(look)
      }}
    >
      <TextField
        label={t('join.link')}
        note={t('join.linkNote')}
        placeholder="lattice://join/…"
        value={link}
        onChange={setLink}
        isRequired
        isCode
        autoFocus
      />
      <ActionError action={action} />
      <div className={layout['actions']}>
        <CallButton kind="primary" type="submit" action={action} isDisabled={link.trim() === ''}>
          {t('join.look')}
        </CallButton>
      </div>
    </Form>
  )
}
