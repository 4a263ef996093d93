/** The branches of one key: what happened between the fork point and each head. */
import { useTranslation } from 'react-i18next'
import { FailedNotice, Notice } from '../../present/notice.tsx'
import { BranchGraphView } from './branch-graph.tsx'
import { useInspection } from './hooks.ts'
import css from './inspector-screen.module.css'
import { NodePanel } from './node-panel.tsx'
import { anchoring, selecting } from './store.ts'

interface Props {
  /** A store's name, or its id in hex. */
  readonly store: string
  /** What people call it. */
  readonly name: string
  /** UTF-8, or "0x" and hex. */
  readonly storeKey: string
}

export function InspectorScreen({ store, name, storeKey }: Props) {
  const { t } = useTranslation('inspector')
  const { state, setState, reload } = useInspection(store, storeKey)
  const select = (id: string): void => setState((now) => selecting(now, id))
  const anchor = (): void => setState(anchoring)
  return (
    <div className={css['screen']}>
      <header className={css['head']}>
        <h1>{t('title')}</h1>
        <p>
          <bdi>{name}</bdi> · <code dir="ltr">{storeKey}</code>
        </p>
        {state.at === 'shown' && (
          <p>
            {t('keys')}
            {state.graph.hidden > 0 && ` ${t('hidden', { count: state.graph.hidden })}`}
          </p>
        )}
      </header>
      {state.at === 'loading' && <Notice title={t('loading')} />}
      {state.at === 'empty' && <Notice title={t('empty.title')}>{t('empty.why')}</Notice>}
      {state.at === 'failed' && <FailedNotice title={t('failed')} why={state.why} onAgain={reload} />}
      {state.at === 'shown' && (
        <div className={css['parts']}>
          <BranchGraphView shown={state} onSelect={select} onAnchor={anchor} />
          <NodePanel
            node={state.graph.nodes.find(({ id }) => id === state.selected)!}
            anchor={state.graph.nodes.find(({ id }) => id === state.anchor)}
            isDrawn={(id) => state.placed.centres.has(id)}
            onSelect={select}
            onAnchor={anchor}
          />
        </div>
      )}
    </div>
  )
}
