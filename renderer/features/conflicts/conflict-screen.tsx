/** One conflict: its sides, the best comparison there is, and the ways to settle it. */
import { useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from 'wouter'
import type { ConflictInfo } from '#proto/conflict_api'
import controls from '../../present/controls.module.css'
import { toHex } from '../../present/format.ts'
import { FailedNotice, Notice } from '../../present/notice.tsx'
import css from './conflict-screen.module.css'
import { useConflict, useSettle, type Resolution } from './hooks.ts'
import { ImageComparison } from './image-comparison.tsx'
import { OutcomeToasts } from './outcome-toasts.tsx'
import { SideCards } from './side-cards.tsx'
import { comparing, inspectKey, type Conflict } from './store.ts'
import { TextComparison } from './text-comparison.tsx'

interface Props {
  readonly id: string
  /** All conflicts of the node, as the event stream says: one that leaves the list is settled. */
  readonly conflicts: readonly ConflictInfo[]
  /** This device's key, in hex. */
  readonly self: string
}

export function ConflictScreen({ id, conflicts, self }: Props) {
  const { t } = useTranslation('conflicts')
  const isListed = conflicts.some((conflict) => conflict.id === id)
  const { state, setState, reload } = useConflict(id, isListed)
  return (
    <div className={css['screen']}>
      <Link href="/conflicts" className={css['back']}>
        {t('back')}
      </Link>
      {state.at === 'loading' && <Notice title={t('loading')} />}
      {state.at === 'gone' && (
        <Notice title={t('gone.title')}>
          {t('gone.why')}
          {/* What had the focus is gone with the conflict. */}
          <Link href="/conflicts" className={controls['button']} ref={(link: HTMLElement | null) => link?.focus()}>
            {t('gone.inbox')}
          </Link>
        </Notice>
      )}
      {state.at === 'failed' && <FailedNotice title={t('failed')} why={state.why} onAgain={reload} />}
      {state.at === 'open' && (
        <OpenConflict
          state={state}
          self={self}
          onCompare={(place, side) => setState((now) => comparing(now, place, side))}
          onSettled={() => setState({ at: 'gone' })}
        />
      )}
      <OutcomeToasts />
    </div>
  )
}

interface OpenProps {
  readonly state: Extract<Conflict, { at: 'open' }>
  readonly self: string
  readonly onCompare: (place: 'left' | 'right', side: number) => void
  readonly onSettled: () => void
}

function OpenConflict({ state, self, onCompare, onSettled }: OpenProps) {
  const { settling, settle } = useSettle()
  const [fault, setFault] = useState('')
  const isBusy = useRef(false)
  const { info } = state
  const resolve = async (resolution: Resolution): Promise<void> => {
    if (isBusy.current) return
    isBusy.current = true
    const { failed } = await settle([{ conflict: info, resolution }])
    isBusy.current = false
    setFault(failed[0]?.why.sentence ?? '')
    if (failed.length === 0) onSettled()
  }
  const running = settling.at === 'running'
  return (
    <>
      <Head info={info} isBusy={running} onBoth={() => void resolve({ case: 'both', value: true })} />
      {fault !== '' && (
        <p className={controls['fault']} role="alert">
          {fault}
        </p>
      )}
      <SideCards
        state={state}
        self={self}
        isBusy={running}
        onCompare={onCompare}
        onTake={(hash) => void resolve({ case: 'take', value: toHex(hash) })}
      />
      <Comparison
        state={state}
        isBusy={running}
        onSave={(text) => void resolve({ case: 'merged', value: new TextEncoder().encode(text) })}
      />
    </>
  )
}

interface HeadProps {
  readonly info: ConflictInfo
  readonly isBusy: boolean
  readonly onBoth: () => void
}

function Head({ info, isBusy, onBoth }: HeadProps) {
  const { t } = useTranslation('conflicts')
  const key = inspectKey(info)
  return (
    <header className={css['head']}>
      <div>
        <p className={css['folder']}>{info.folder}</p>
        <h1>
          <bdi>{info.path}</bdi>
        </h1>
        <p className={css['lead']}>
          {t(`lead.${info.kind}`, { count: info.heads.length, defaultValue: t('lead.content') })}
        </p>
      </div>
      <div className={controls['bar']}>
        {key !== undefined && (
          <Link href={`/inspect/${encodeURIComponent(info.folder)}/${key}`} className={controls['button']}>
            {t('branches')}
          </Link>
        )}
        <button type="button" className={controls['primary']} disabled={isBusy} onClick={onBoth}>
          {t('keepBoth')}
        </button>
      </div>
    </header>
  )
}

interface ComparisonProps {
  readonly state: Extract<Conflict, { at: 'open' }>
  readonly isBusy: boolean
  readonly onSave: (text: string) => void
}

function Comparison({ state, isBusy, onSave }: ComparisonProps) {
  const { t } = useTranslation('conflicts')
  const { compared, info } = state
  const [left, right] = [info.heads[state.left]!.deviceName, info.heads[state.right]!.deviceName]
  switch (compared.at) {
    case 'loading':
      return <Notice title={t('comparing')} />
    case 'failed':
      return (
        <p className={controls['fault']} role="alert">
          {compared.why.sentence}
        </p>
      )
    case 'facts':
      return <p className={css['facts']}>{t(`facts.${compared.because}`)}</p>
    case 'images':
      return <ImageComparison left={compared.left} right={compared.right} leftName={left} rightName={right} />
    case 'texts':
      return (
        <TextComparison
          regions={compared.regions}
          hasBase={compared.hasBase}
          leftName={left}
          rightName={right}
          isBusy={isBusy}
          onSave={onSave}
        />
      )
  }
}
