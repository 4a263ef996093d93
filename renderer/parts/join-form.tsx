/**
 * Following a link: it is looked at first, without telling anyone; then the person says where the files go, and joins.
 * Where somebody there must let him in, the four words are on the screen while he waits: nothing is joined before he has
 * said that they match, and going back takes the wish back.
 */
import { useRef, useState } from 'react'
import { Form } from 'react-aria-components'
import { useTranslation } from 'react-i18next'
import { InviteService, type AskedStep, type PreviewLinkResponse } from '#proto/invite_api'
import { Button } from '../design/button.tsx'
import { TextField } from '../design/field.tsx'
import layout from '../design/layout.module.css'
import { formatTime, toHex } from '../present/format.ts'
import { useAction, type Action } from '../present/use-action.ts'
import { useClient } from '../present/use-client.ts'
import { ActionError } from './action-error.tsx'
import { CallButton } from './call-button.tsx'
import { roleKey } from './roles.ts'
import { useIsReadable, Words } from './words.tsx'
import css from './forms.module.css'

interface JoinFormProps {
  readonly initialLink?: string
  readonly onJoined: (name: string) => void
}

type Step = { readonly at: 'link' } | { readonly at: 'preview'; readonly preview: PreviewLinkResponse }

const Preview = ({ preview, isAsked }: { readonly preview: PreviewLinkResponse; readonly isAsked: boolean }) => {
  const { t, i18n } = useTranslation('pairing')
  return (
    <>
      <dl className={css['facts']}>
        <dt>{t(preview.folder ? 'join.folder' : 'join.space')}</dt>
        <dd>{preview.name === '' ? t('join.unnamed') : preview.name}</dd>
        <dt>{t('join.inviter')}</dt>
        <dd>
          <code dir="ltr">{toHex(preview.inviter)}</code>
        </dd>
        <dt>{t('join.role')}</dt>
        <dd>{t(`role.${roleKey(preview.role)}`)}</dd>
        <dt>{t('join.expires')}</dt>
        <dd>{formatTime(preview.expiresMs, i18n.language)}</dd>
      </dl>
      {!isAsked && <p className={layout['soft']}>{t(preview.approval ? 'join.asked' : 'join.unasked')}</p>}
      {preview.known && <p className={layout['soft']}>{t('join.known')}</p>}
    </>
  )
}

/**
 * What a person there sees while he is asked: other words, with a step of their own, whenever the device had to ask anew.
 * The answer of the other person may come at any moment, and must not move the button that this one is pressing.
 */
const Asked = ({ asked: { id, words, admitted } }: { readonly asked: AskedStep }) => {
  const { t } = useTranslation('pairing')
  const client = useClient(InviteService)
  const action = useAction()
  const [isMatch, setIsMatch] = useState(false)
  const isReadable = useIsReadable()
  const answer = async (match: boolean): Promise<void> => {
    if (await action.run(() => client.answerWords({ id, match }))) setIsMatch(match)
  }
  return (
    <div className={layout['form']}>
      <div className={layout['form']} role="status">
        <p>{t('join.compare')}</p>
        <Words words={words} />
        {isMatch && <p className={layout['soft']}>{t('join.matched')}</p>}
      </div>
      {!isMatch && (
        <>
          <ActionError action={action} />
          <div className={layout['actions']}>
            <CallButton action={action} onPress={() => void answer(false)}>
              {t('join.differ')}
            </CallButton>
            <CallButton kind="primary" action={action} isDisabled={!isReadable} onPress={() => void answer(true)}>
              {t('join.match')}
            </CallButton>
          </div>
          <div role="status">
            <p className={admitted ? undefined : css['unsaid']}>{t('join.admitted')}</p>
          </div>
        </>
      )}
    </div>
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
  const [asked, setAsked] = useState<AskedStep>()
  const asking = useRef<AbortController>(undefined)
  const join = async (path: string): Promise<void> => {
    const { signal } = (asking.current = new AbortController())
    try {
      for await (const { step } of client.join({ link: link.trim(), path, confirm: true }, { signal })) {
        if (step.case === 'asked') setAsked(step.value)
        else if (step.case === 'joined') onJoined(step.value.name)
      }
    } catch (thrown) {
      if (!signal.aborted) throw thrown
    } finally {
      setAsked(undefined)
    }
  }
  if (step.at === 'preview')
    return (
      <div className={layout['form']}>
        <Preview preview={step.preview} isAsked={asked !== undefined} />
        {asked !== undefined && <Asked key={asked.id} asked={asked} />}
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
